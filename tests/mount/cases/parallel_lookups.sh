# SPDX-License-Identifier: Apache-2.0
# Lookups in one directory do not wait for each other: with the server frozen, three of them are with
# the daemon at once.
begin
connections=/sys/fs/fuse/connections
[ -n "$(ls $connections 2>/dev/null)" ] || mount -t fusectl none $connections 2>/dev/null ||
  skip "$connections cannot be looked at"
minor=$(stat -c %d "$M")
minor=$(((minor & 0xff) | ((minor >> 12) & 0xfff00)))
[ -f "$connections/$minor/waiting" ] || skip "no $connections/$minor/waiting here"

kill -STOP "$SERVER_PID"
lookups=()
for i in 1 2 3; do stat "$M/absent$i" >/dev/null 2>&1 & lookups+=($!); done
three_wait() { [ "$(cat "$connections/$minor/waiting")" -ge 3 ]; }
wait_until 20 three_wait
kill -CONT "$SERVER_PID"
for pid in "${lookups[@]}"; do ! wait "$pid" || fail "an absent name was found"; done
end
