# SPDX-License-Identifier: Apache-2.0
# What is closed on one mount is there on the other, and an overwrite is never served stale.
begin
first=$MOUNT_PID
A=$M B=$WORK/other
mount_at "$B"
second=$MOUNT_PID
echo hello >"$A/new"
assert_eq "$(cat "$B/new")" hello
assert_eq "$(ls "$B")" new
for i in $(seq 50); do
  echo "version $i" >"$A/f"
  assert_eq "$(cat "$B/f")" "version $i"
  head -c $((i * 5000)) /dev/zero >"$B/g"
  assert_eq "$(wc -c <"$A/g")" $((i * 5000))
done
rm "$A/new"
wait_until 5 test ! -e "$B/new"
mkdir "$A/dir"
echo x >"$A/dir/x"
assert_eq "$(cat "$B/dir/x")" x
mv "$A/dir" "$A/moved"
wait_until 5 test -f "$B/moved/x"
wait_until 5 test ! -e "$B/dir"
# An open descriptor keeps its version.
head -c 300000 /dev/urandom >old
cp old "$A/pinned"
exec 7<"$B/pinned"
echo short >"$A/pinned"
cat <&7 >got
exec 7<&-
same old got
assert_eq "$(cat "$B/pinned")" short
unmount_and_wait "$B" "$second"
unmount_and_wait "$A" "$first"
