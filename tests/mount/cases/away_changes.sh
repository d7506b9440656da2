# SPDX-License-Identifier: Apache-2.0
# What others change while this mount has no connection is there when the connection is back.
begin
for i in 1 2 3; do echo "old $i" >"$M/f$i"; done
assert_eq "$(cat "$M"/f*)" "$(printf 'old 1\nold 2\nold 3')"
kill -STOP "$MOUNT_PID"
echo new >new
"$NATSOBJ" put b new --name f1 --server "$URL" >/dev/null
"$NATSOBJ" put b new --name added --server "$URL" >/dev/null
"$NATSOBJ" del b f2 --server "$URL" >/dev/null
kill "$SERVER_PID"
wait "$SERVER_PID" 2>/dev/null || true
start_server
"$NATSOBJ" put b new --name f3 --server "$URL" >/dev/null
kill -CONT "$MOUNT_PID"
is_current() { [ "$(ls "$M" | tr '\n' ' ')" = "added f1 f3 " ]; }
wait_until 30 is_current
for name in added f1 f3; do assert_eq "$(cat "$M/$name")" new; done
must_fail "No such file" cat "$M/f2"
end
