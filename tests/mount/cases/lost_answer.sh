# SPDX-License-Identifier: Apache-2.0
# A host removes a file, and the answer is lost with the connection. Another host has seen the file go
# and made a new one by then: that one stays, and the removal has succeeded.
begin
first=$MOUNT_PID
python3 "$TOOLS/../chaos/proxy.py" "$PORT" "$WORK/control" >"$WORK/proxy" &
echo $! >>"$WORK/pids"
wait_until 10 test -s "$WORK/proxy"
URL=nats://127.0.0.1:$(cat "$WORK/proxy")
mount_at "$WORK/far"
far=$WORK/far far_pid=$MOUNT_PID
mkdir "$M/d"
echo old >"$M/d/f"
wait_until 10 grep -q old "$far/d/f"

gone() { [ ! -e "$M/d/f" ]; }
echo deaf >"$WORK/control"
sleep 0.1 # the proxy looks at its file from time to time
rm "$far/d/f" &
removal=$!
wait_until 30 gone
echo new >"$M/d/f"
echo cut >"$WORK/control"
wait_until 30 grep -q '"watch": *"disconnected"' "$far/.natsobj/status"
echo pass >"$WORK/control"
wait "$removal" || fail "the removal failed"
assert_eq "$(cat "$M/d/f")" new
wait_until 30 grep -q new "$far/d/f"
unmount_and_wait "$far" "$far_pid"
MOUNT_PID=$first
end
