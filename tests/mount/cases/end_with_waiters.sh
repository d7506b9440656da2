# SPDX-License-Identifier: Apache-2.0
# The daemon is told to end. While it stores what is unsaved, a process waits in a directory for a
# request that nobody takes any more, and others change an entry there: the kernel can be told of that
# only when the process is gone. Both end all the same.
begin
echo old >"$M/f"
echo new >g
cat "$M/f" >/dev/null
python3 - "$M" <<'P' &
import os, sys, time
# From its end to its beginning, so that all of it is uploaded at the end.
fd = os.open(sys.argv[1] + "/large", os.O_WRONLY | os.O_CREAT, 0o644)
block = os.urandom(1 << 20)
for i in reversed(range(400)): os.pwrite(fd, block, i << 20)
open("written", "w").close()
while not os.path.exists("end"): time.sleep(0.01)
P
writer=$!
wait_until 100 test -e written
# The kernel knows all of the directory itself, so that it waits for the new name, with the directory
# locked.
ls -ld "$M" >/dev/null
kill -TERM "$MOUNT_PID"
drains() { cat /proc/"$MOUNT_PID"/task/*/comm 2>/dev/null | grep -q natsobj-drain; }
wait_until 20 drains
mkdir "$M/new" 2>/dev/null &
waiter=$!
waits() { grep -q '^Name:.*mkdir' "/proc/$waiter/status" && grep -q '^State:.[SD]' "/proc/$waiter/status"; }
wait_until 20 waits
"$NATSOBJ" put b g --name f --server "$URL" >/dev/null
drains || skip "everything was stored before the change came"
is_ended() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status"; }
wait_until 90 is_ended "$MOUNT_PID"
wait_until 10 is_ended "$waiter"
wait "$MOUNT_PID" || fail "ended with status $?"
touch end
wait "$writer" || true
! grep -q " $M " /proc/mounts || fail "still mounted"
mount_at "$M"
assert_eq "$(stat -c %s "$M/large")" $((400 << 20))
assert_eq "$(cat "$M/f")" new
end
