# SPDX-License-Identifier: Apache-2.0
# Up, down, to nothing, and holes.
begin
head -c 500000 /dev/urandom >f
cp f "$M/f"
for size in 400000 131072 131073 800000 5 0 300000; do
  truncate -s $size f
  truncate -s $size "$M/f"
  same f "$M/f"
done
: >"$M/f"
assert_eq "$(stat -c %s "$M/f")" 0
must_fail "File too large" truncate -s 9T "$M/f"
end
mount_at "$M"
assert_eq "$(stat -c %s "$M/f")" 0
end
