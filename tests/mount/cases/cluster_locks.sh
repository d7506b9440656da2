# SPDX-License-Identifier: Apache-2.0
# locks=cluster: flock and fcntl locks exclude programs on other mounts, as on one local disk.
begin locks=cluster
first=$MOUNT_PID
A=$M B=$WORK/other
mount_at "$B" locks=cluster
second=$MOUNT_PID
for what in basic waiting content; do
  python3 "$TOOLS/locks.py" "$what" "$A" "$B" || fail "$what"
  rm -f "$A/f" "$A/data"
  wait_until 20 test ! -e "$B/f"
done
# An end in good order frees at once, long before the lease is over.
touch "$A/held"
python3 "$TOOLS/locks.py" hold "$A/held" "$WORK/ready" &
holder=$!
wait_until 20 test -e "$WORK/ready"
wait_until 20 test -e "$B/held"
if flock -n "$B/held" true; then fail "a held lock was taken"; fi
kill "$first"
wait "$first" || true
flock -w 20 "$B/held" true || fail "the lock of a mount that ended was not free"
kill "$holder" || true
wait "$holder" || true
unmount_and_wait "$B" "$second"
