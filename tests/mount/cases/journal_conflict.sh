# SPDX-License-Identifier: Apache-2.0
# What fsync has promised of a file that somebody replaces meanwhile is stored beside it: when the
# writer closes it, and when there is no writer any more.
begin
head -c 8M /dev/urandom >f
cp f "$M/live"
cp f "$M/dead"
cp f "$M/gone"
first=$MOUNT_PID
mount_at "$WORK/n"
second=$MOUNT_PID
cat >write.py <<'P'
import errno, os, sys, time
fds = [os.open(name, os.O_RDWR) for name in sys.argv[1:]]
for fd in fds:
    os.pwrite(fd, b"promised", 5 << 20)
    os.fsync(fd)
    os.pwrite(fd, b"promised too", 100)
    os.fsync(fd)
print("synced", flush=True)
sys.stdin.readline()
try: os.close(fds[0])
except OSError as e: print(errno.errorcode[e.errno], flush=True)
sys.stdin.readline()
P
mkfifo go
python3 write.py "$M/live" "$M/dead" "$M/gone" <go >out & writer=$!
exec 6>go
wait_until 30 grep -q synced out
cp f want
printf promised | dd of=want bs=1 seek=$((5 << 20)) conv=notrunc status=none
printf 'promised too' | dd of=want bs=1 seek=100 conv=notrunc status=none
same f "$WORK/n/live"
echo theirs >"$WORK/n/live"
echo >&6
wait_until 30 grep -q ESTALE out
assert_eq "$(cat "$WORK/n/live")" theirs
same want "$(echo "$M"/live.conflict-*)"
# A client that removes the old content at once. The writer's mount fetches what it needs of it, but
# it is not there to the end.
kill -STOP "$first"
"$NATSOBJ" --server "$URL" put b want --name gone --force >/dev/null 2>&1 ||
  "$NATSOBJ" --server "$URL" put b want --name gone >/dev/null
echo theirs >"$WORK/n/dead"
kill -9 "$first"
wait "$first" 2>/dev/null || true
exec 6>&-
kill -9 "$writer" 2>/dev/null || true
wait "$writer" 2>/dev/null || true
umount -l "$M" 2>/dev/null || true
mount_at "$M"
same want "$(echo "$M"/dead.conflict-*)"
assert_eq "$(cat "$M/dead")" theirs
same want "$M/gone"
copy=$(echo "$M"/gone.conflict-*)
assert_eq "$(stat -c %s "$copy")" $((8 << 20))
assert_eq "$(dd if="$copy" bs=1 skip=$((5 << 20)) count=8 status=none)" promised
assert_eq "$("$NATSOBJ" --server "$URL" ls b 2>/dev/null | grep -c natsobj/intent || true)" 0
unmount_and_wait "$WORK/n" "$second"
unmount_and_wait "$M" "$MOUNT_PID"
