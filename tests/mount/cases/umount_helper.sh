# SPDX-License-Identifier: Apache-2.0
# umount.natsobj returns when everything is stored, and fails when it could not be; a mount that is in
# use stays; lazily it waits for nothing.
start_server
UMOUNT=$BUILD/umount.natsobj
mkdir m
mount_m() { "$MOUNT" "$URL/b" m -o "create,cache_dir=$WORK/cache,drain_timeout=2s${1:+,$1}"; }
mount_m
head -c 20M /dev/urandom >f
# Stores through a mapping are written after the last close.
python3 - <<'P'
import mmap, os
with open("f", "rb") as f: data = f.read()
with open("m/mapped", "w+b") as f:
    f.truncate(len(data))
    with mmap.mmap(f.fileno(), len(data)) as w:
        f.close()
        w[:] = data
P
"$UMOUNT" m
! mountpoint -q m || fail "still mounted"
"$NATSOBJ" get b mapped -O mapped --server "$URL" >/dev/null
same f mapped
# In use.
mount_m
exec 5>m/open
echo precious >&5
must_fail "in use" "$UMOUNT" m
mountpoint -q m || fail "unmounted although in use"
echo more >&5
exec 5>&-
ln -s "$WORK/m" link
out=$("$UMOUNT" -v link)
case $out in *"everything is stored"*) ;; *) fail "$out" ;; esac
mount_m
assert_eq "$(cat m/open)" "$(printf 'precious\nmore')"
# By what is mounted, from inside of another directory, and as umount(8) calls it.
(cd / && "$UMOUNT" "$URL/b" -n -r)
must_fail "not a mount of natsobj" "$UMOUNT" m
must_fail "not a mount of natsobj" "$UMOUNT" "$WORK"
must_fail "not a mount of natsobj" "$UMOUNT" "$WORK/absent"
if "$UMOUNT" 2>err; then fail "accepted no argument"; fi
# What cannot be stored is told, in bounded time: here stores through a mapping that outlived the last
# close, while the server is frozen.
mount_m
status=0
python3 "$TOOLS/late_store.py" m "$SERVER_PID" || fail "no mapping"
out=$(timeout 60 "$UMOUNT" m 2>&1) || status=$?
kill -CONT "$SERVER_PID"
[ "$status" != 0 ] && [ "$status" != 124 ] || fail "status $status although the server was frozen: $out"
case $out in *"not everything could be stored"*) ;; *) fail "$out" ;; esac
! mountpoint -q m || fail "still mounted"
# Lazily it comes back at once, and the directory is free for a new mount.
mount_m
exec 5>m/late
echo late >&5
"$UMOUNT" -l m
! mountpoint -q m || fail "still mounted after a lazy unmount"
exec 5>&-
mount_m
wait_until 60 test -s m/late
assert_eq "$(cat m/late)" late
"$UMOUNT" m
