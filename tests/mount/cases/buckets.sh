# SPDX-License-Identifier: Apache-2.0
# All buckets of an account as directories: listing them opens none, mkdir and rmdir make and delete
# them, others' come and go by themselves, and nothing moves from one to another but by copying.
start_server
M=$WORK/m
mkdir -p "$M"
export NATS_URL=$URL
"$NATSOBJ" add one >/dev/null
"$NATSOBJ" add two --description "the second" >/dev/null
printf hello >text
"$NATSOBJ" put one text --name dir/f >/dev/null 2>&1
"$MOUNT" "$URL/" "$M" -f -o "cache_dir=$WORK/cache" >"$WORK/log.m" 2>&1 &
MOUNT_PID=$!
echo "$MOUNT_PID" >>"$WORK/pids"
wait_until 30 is_mounted_or_dead "$M" "$MOUNT_PID"
mountpoint -q "$M" || fail "no mount: $(cat "$WORK/log.m")"

field() { python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$1/.natsobj/status" "$2"; }
listing() { ls "$1" | tr '\n' ' '; }
shows() { [ "$(listing "$M")" = "$1" ]; }
has_bucket() { "$NATSOBJ" info "$1" >/dev/null; }

# Looking at the buckets opens none; entering one does.
ls -l "$M" >/dev/null
stat "$M/one" "$M/two" >/dev/null
assert_eq "$(field "$M" open_buckets)" 0
shows "one two " || fail "the root shows $(listing "$M")"
assert_eq "$(cat "$M/one/dir/f")" hello
assert_eq "$(field "$M" open_buckets)" 1
assert_eq "$(field "$M/one" bucket)" one
assert_eq "$(stat -c %i "$M/one")" "$(ls -id "$M/one" | cut -d ' ' -f 1)"

# Everything a mount of one bucket does.
cp -r /etc/fstab "$M/two/" 2>/dev/null || cp text "$M/two/fstab"
mkdir -p "$M/two/a/b"
echo 1 >"$M/two/a/b/x"
ln -s b/x "$M/two/a/l"
mv "$M/two/a" "$M/two/c"
assert_eq "$(cat "$M/two/c/l")" 1
"$NATSOBJ" get two c/b/x -O - 2>/dev/null | grep -qx 1
[ "$(stat -c %i "$M/one/dir")" != "$(stat -c %i "$M/two/c")" ]
mkdir "$M/one/c"
[ "$(stat -c %i "$M/one/c")" != "$(stat -c %i "$M/two/c")" ] || fail "two directories have one number"

# Links into another bucket, and to the whole of it, lead there.
"$NATSOBJ" link two deep/er/object dir/f --bucket one
"$NATSOBJ" link two whole --bucket one
wait_until 10 test -L "$M/two/whole"
assert_eq "$(cat "$M/two/deep/er/object")" hello
assert_eq "$(readlink "$M/two/whole")" ../one
assert_eq "$(cat "$M/two/whole/dir/f")" hello
rm -r "$M/two/deep" "$M/two/whole"
assert_eq "$(cat "$M/one/dir/f")" hello
"$NATSOBJ" status "$M/one/dir" --json | grep -q '"bucket":"one"' || fail "no status of a bucket"

# Between buckets: by copying only, which mv and cp do.
python3 - "$M" <<'PY'
import errno, os, sys
m = sys.argv[1]
def fails(want, f, *a):
    try:
        f(*a)
    except OSError as e:
        assert e.errno == want, (f.__name__, a, errno.errorcode[e.errno])
        return
    raise SystemExit(f"succeeded: {f.__name__} {a}")
fails(errno.EXDEV, os.rename, m + "/one/dir/f", m + "/two/f")
fails(errno.EXDEV, os.link, m + "/one/dir/f", m + "/two/f")
fails(errno.EXDEV, os.rename, m + "/one", m + "/three")
fails(errno.EXDEV, os.rename, m + "/one/dir/f", m + "/f")
fails(errno.EPERM, os.open, m + "/f", os.O_CREAT | os.O_WRONLY)
fails(errno.EPERM, os.symlink, "x", m + "/l")
fails(errno.EPERM, os.mknod, m + "/p", 0o10644)
fails(errno.EPERM, os.chmod, m, 0o700)
fails(errno.EEXIST, os.mkdir, m + "/one")
fails(errno.EINVAL, os.mkdir, m + "/no.bucket")
fails(errno.ENOENT, os.stat, m + "/absent")
fails(errno.ENOENT, os.stat, m + "/no.bucket")
a = os.open(m + "/one/dir/f", os.O_RDONLY)
b = os.open(m + "/two/copied", os.O_CREAT | os.O_RDWR)
assert os.copy_file_range(a, b, 100) == 5
assert os.pread(b, 100, 0) == b"hello"
PY
mv "$M/one/dir/f" "$M/two/moved"
assert_eq "$(cat "$M/two/moved")" hello
[ ! -e "$M/one/dir/f" ]

# mkdir and rmdir.
mkdir "$M/three"
has_bucket three || fail "mkdir made no bucket"
echo x >"$M/three/f"
must_fail "not empty" rmdir "$M/three"
must_fail "not empty" rmdir "$M/two"
has_bucket three
rm "$M/three/f"
rmdir "$M/three" || fail "what was deleted in it is an obstacle"
if has_bucket three 2>/dev/null; then fail "rmdir left the bucket"; fi
(umask 077; mkdir "$M/private")
assert_eq "$(stat -c %a "$M/private")" 700
rmdir "$M/private"
"$NATSOBJ" add full --max-bucket-size 1MiB >/dev/null
"$NATSOBJ" put full text >/dev/null 2>&1
must_fail "not empty" rmdir "$M/full"
assert_eq "$("$NATSOBJ" info full --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["max_bytes"])')" 1048576
"$NATSOBJ" put full text --name again >/dev/null 2>&1 || fail "rmdir left the bucket closed"
assert_eq "$(ls "$M/full" | wc -l)" 2

# A sealed bucket is read, and deleted when it is empty.
"$NATSOBJ" seal full -f >/dev/null
must_fail "Read-only" touch "$M/full/new"
must_fail "not empty" rmdir "$M/full"
"$NATSOBJ" add sealed >/dev/null
"$NATSOBJ" seal sealed -f >/dev/null
rmdir "$M/sealed"

# Buckets of others, seen at once and without a look from here.
"$NATSOBJ" add four >/dev/null
assert_eq "$(stat -c %F "$M/four")" directory
"$NATSOBJ" add five >/dev/null
wait_until 15 shows "five four full one two "
exec 7<"$M/two/moved"
cd "$M/two"
"$NATSOBJ" del two -f >/dev/null
"$NATSOBJ" del five -f >/dev/null
wait_until 15 shows "four full one "
must_fail "No such" cat "$M/two/moved"
must_fail "No such" timeout 30 touch new
cd "$WORK"
exec 7<&-

# One that is made again is another one.
"$NATSOBJ" add two >/dev/null
wait_until 15 shows "four full one two "
assert_eq "$(ls "$M/two")" ""
df "$M" "$M/one" >/dev/null
assert_eq "$("$NATSOBJ" mounts | grep -c "$M")" 1
"$NATSOBJ" status "$M" | grep -q open_buckets || fail "no status of the root"
echo unsaved >"$M/one/last"
unmount_and_wait "$M" "$MOUNT_PID"
assert_eq "$("$NATSOBJ" get one last -O - 2>/dev/null)" unsaved
