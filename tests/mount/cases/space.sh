# SPDX-License-Identifier: Apache-2.0
# df shows the limit of the bucket, or of its account, and what is used of it.
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
df -i "$M" >/dev/null
[ "$(stat -f -c %d "$M")" -gt 1000000 ] || fail "no inodes left"
end
kill "$SERVER_PID"
wait "$SERVER_PID" 2>/dev/null || true
# A bucket without a limit in an account with one.
cat >server.conf <<C
jetstream { max_file_store: 1G }
accounts { A { jetstream { max_store: 50M, max_mem: 10M }, users [ { user: u, password: p } ] } }
no_auth_user: u
C
start_server -c "$WORK/server.conf"
mount_at "$M"
total=$(df -B 1 --output=size "$M" | tail -n 1 | tr -d ' ')
[ "$total" -gt 45000000 ] && [ "$total" -le 52428800 ] || fail "df says $total for an account of 50M"
head -c 20M /dev/urandom >"$M/f"
is_counted() { [ "$(df -B 1 --output=avail "$M" | tail -n 1 | tr -d ' ')" -lt 33000000 ]; }
wait_until 10 is_counted
must_fail "No space" fallocate -l 60M "$M/large"
end
