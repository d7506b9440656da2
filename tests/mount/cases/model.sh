# SPDX-License-Identifier: Apache-2.0
# Random operations by several processes in a mount and in a plain directory: what programs see is
# the same after each. SEEDS, STEPS and WITHOUT prolong a run or narrow it (tests/model/model --help).
[ "$(id -u)" = 0 ] || skip "only root can act for several users"
chmod 755 "$WORK"
begin "allow_other,chunk_size=${CHUNK:-64K}"
B=$WORK/second
first=$MOUNT_PID
mount_at "$B" allow_other
second=$MOUNT_PID
mkdir plain
mount -t tmpfs -o nosuid,nodev plain plain || skip "tmpfs cannot be mounted"
model() { "$BUILD/tests/model/model" --chunk 65536 --without "$WITHOUT" "$@"; }
WITHOUT=${WITHOUT-}
# Before Linux 6.6 files of a tmpfs have no user attributes.
setfattr -n user.a -v b plain 2>/dev/null ||
  WITHOUT=${WITHOUT:+$WITHOUT,}setxattr,getxattr,removexattr,listxattr
setfattr -x user.a plain 2>/dev/null || true
steps=${STEPS:-500}
for seed in ${SEEDS:-1 2 3}; do
  model --seed "$seed" --steps $((steps * 3 / 4)) --shrink "${SHRINK:-0}" "$M" plain "$B" || fail "see above"
done
find "$M" -type f -printf '%P %T@ %C@\n' | sort >before
unmount_and_wait "$M" "$first"
mount_at "$M" "allow_other,chunk_size=${CHUNK:-64K}"
first=$MOUNT_PID
find "$M" -type f -printf '%P %T@ %C@\n' | sort >after
diff before after || fail "the remount changed times"
model --compare "$M" plain || fail "after the remount"
# The second half of the steps goes on where the first ended.
for seed in ${SEEDS:-1 2 3}; do
  model --seed "$seed" --first $((steps * 3 / 4)) --steps $((steps / 4)) --shrink "${SHRINK:-0}" \
    "$M" plain "$B" || fail "see above"
done
umount plain
unmount_and_wait "$B" "$second"
unmount_and_wait "$M" "$first"
