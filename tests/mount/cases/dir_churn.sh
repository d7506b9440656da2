# SPDX-License-Identifier: Apache-2.0
# Three hosts rename directories into one another, make and remove them and what is in them, all at
# once: in the end all of them, and one that comes then, show the same. SEED=, DURATION= (seconds).
seed=${SEED:-$RANDOM}
echo "seed $seed"
start_server
mounts=() pids=()
for i in 1 2 3; do
  mount_at "$WORK/m$i"
  mounts+=("$WORK/m$i") pids+=("$MOUNT_PID")
done
python3 "$TOOLS/dir_churn.py" "$seed" "${DURATION:-3}" "${mounts[@]}"
mount_at "$WORK/m4"
python3 "$TOOLS/dir_churn.py" "$seed" 0 "${mounts[@]}" "$WORK/m4"
umount "$WORK/m4"
for i in 0 1 2; do unmount_and_wait "${mounts[$i]}" "${pids[$i]}"; done
