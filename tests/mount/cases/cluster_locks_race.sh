# SPDX-License-Identifier: Apache-2.0
# locks=cluster: 32 processes on three mounts race for one lock; a number that each reads, adds to
# and writes under it misses nothing. Once with flock, once with fcntl.
begin locks=cluster
pids=("$MOUNT_PID")
for i in 2 3; do
  mount_at "$WORK/m$i" locks=cluster
  pids+=("$MOUNT_PID")
done
for how in flock fcntl; do
  python3 "$TOOLS/locks.py" race 32 2 $how "$M" "$WORK/m2" "$WORK/m3" || fail "race with $how"
done
unmount_and_wait "$WORK/m3" "${pids[2]}"
unmount_and_wait "$WORK/m2" "${pids[1]}"
unmount_and_wait "$M" "${pids[0]}"
