# SPDX-License-Identifier: Apache-2.0
# bonnie++: large files in order and at random, many small ones. SIZE (MiB) and FILES prolong it.
command -v bonnie++ >/dev/null || skip "bonnie++ is not installed"
begin
mkdir "$M/d"
user=()
[ "$(id -u)" != 0 ] || user=(-u root)
bonnie++ -f -d "$M/d" -s "${SIZE:-8}" -r 4 -n "${FILES:-1:4096:0:2}" "${user[@]}" -q >out 2>&1 ||
  fail "$(cat out)"
! grep -iE "can't|error|fail|expected" out || fail "see above"
assert_eq "$(find "$M/d" -mindepth 1 | head -n 3)" ""
end
