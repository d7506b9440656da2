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
# Who is at work in a directory that the other host removes finds nothing there any more, so both can
# remove one tree at once.
exec 7<"$B/moved"
rm -r "$A/moved"
wait_until 5 test ! -e "$B/moved"
if cat "/proc/self/fd/7/x" 2>said; then fail "a file in a directory that is gone"; fi
grep -q "No such file" said || fail "$(cat said)"
exec 7<&-
mkdir -p "$A"/tree/{a,b,c}/{d,e}
for d in "$A"/tree/*/*; do touch "$d"/{1..8}; done
assert_eq "$(find "$B/tree" -type f | wc -l)" 48
rm -rf "$A/tree" 2>said.a & other=$!
rm -rf "$B/tree" 2>said.b
wait "$other"
assert_eq "$(cat said.a said.b)" ""
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
