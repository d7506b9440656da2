# SPDX-License-Identifier: Apache-2.0
# Many small files created, listed, read back, removed.
begin
n=${MANY:-1000}
mkdir "$M/d"
for i in $(seq "$n"); do echo "content $i" >"$M/d/f$i"; done
assert_eq "$(ls "$M/d" | wc -l)" "$n"
assert_eq "$(cat "$M"/d/f* | sort | uniq | wc -l)" "$n"
end
mount_at "$M"
assert_eq "$(cat "$M"/d/f* | sort | uniq | wc -l)" "$n"
assert_eq "$(cat "$M/d/f$n")" "content $n"
rm -r "$M/d"
assert_eq "$(ls -A "$M")" ""
end
