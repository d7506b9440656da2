# SPDX-License-Identifier: Apache-2.0
# df shows the limit of the bucket and what is used of it.
begin bucket_size=64M
total=$(df -B 1 --output=size "$M" | tail -n 1 | tr -d ' ')
[ "$total" -gt 60000000 ] && [ "$total" -le 67108864 ] || fail "df says $total for 64M"
before=$(df -B 1 --output=avail "$M" | tail -n 1 | tr -d ' ')
head -c 20M /dev/urandom >"$M/f"
is_counted() { [ $((before - $(df -B 1 --output=avail "$M" | tail -n 1 | tr -d ' '))) -gt 20000000 ]; }
wait_until 10 is_counted
du -sh "$M" >/dev/null
assert_eq "$(du -B 1 --apparent-size "$M/f" | cut -f 1)" 20971520
[ "$(du -B 1 "$M/f" | cut -f 1)" -ge 20971520 ] || fail "du says $(du -B 1 "$M/f")"
end
