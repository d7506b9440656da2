# SPDX-License-Identifier: Apache-2.0
# A part of a bucket is mounted by itself, and a mount that may change nothing.
begin
first=$MOUNT_PID
mkdir -p "$M/a/b"
echo inner >"$M/a/b/f"
echo outer >"$M/f"
mkdir part
"$MOUNT" "$URL/b/a/b" part -o "ro,cache_dir=$WORK/cache"
assert_eq "$(ls part)" f
assert_eq "$(cat part/f)" inner
must_fail "Read-only" touch part/new
must_fail "Read-only" rm part/f
grep " $WORK/part " /proc/mounts | grep -q 'fuse.natsobj ro,' || fail "not shown as fuse.natsobj, ro"
echo changed >"$M/a/b/f"
assert_eq "$(cat part/f)" changed
umount part
unmount_and_wait "$M" "$first"
