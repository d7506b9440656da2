# SPDX-License-Identifier: Apache-2.0
# locks=cluster: the lock of a daemon that was killed is free after its lease; one that cannot
# renew it forbids changes before anybody else can have the lock.
begin locks=cluster,lock_lease=3s
first=$MOUNT_PID
A=$M B=$WORK/other
mount_at "$B" locks=cluster,lock_lease=3s
second=$MOUNT_PID
touch "$A/f"
wait_until 20 test -e "$B/f"

python3 "$TOOLS/locks.py" hold "$A/f" "$WORK/ready" &
holder=$!
wait_until 20 test -e "$WORK/ready"
if flock -n "$B/f" true; then fail "a held lock was taken"; fi
kill -9 "$first"
flock -w 30 "$B/f" true || fail "the lock of a killed daemon did not get free"
kill -9 "$holder" 2>/dev/null || true
umount -l "$A" 2>/dev/null || true

C=$WORK/third
mount_at "$C" locks=cluster,lock_lease=3s
third=$MOUNT_PID
python3 "$TOOLS/locks.py" lost "$C/f" "$WORK/taken" "$WORK/go" &
loser=$!
wait_until 20 test -e "$WORK/taken"
kill -STOP "$SERVER_PID"
# The holder must know after two thirds of its lease, by its own clock.
sleep 2.5
touch "$WORK/go"
wait "$loser" || fail "the loser of a lock was not told"
kill -CONT "$SERVER_PID"
flock -w 30 "$B/f" true || fail "a lost lock did not get free"
assert_eq "$(cat "$B/f")" "while it was held"
# What was lost is over with its owner.
flock -w 30 "$C/f" true || fail "no lock after a lost one"
echo new >"$C/g"
assert_eq "$(cat "$B/g")" new
unmount_and_wait "$C" "$third"
unmount_and_wait "$B" "$second"
