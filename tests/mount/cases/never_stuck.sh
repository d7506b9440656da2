# SPDX-License-Identifier: Apache-2.0
# The server is silent: a process that waits for it can be killed, and the daemon still ends.
begin drain_timeout=3s
echo x >"$M/x"
head -c 20M /dev/zero >f
exec 5>"$M/open"
echo unsaved >&5
kill -STOP "$SERVER_PID"
cp f "$M/copy" & writer=$!
cat "$M/x" >/dev/null & reader=$!
sleep 1
assert_eq "$(stat -c %s "$M/x")" 2
kill -9 "$writer" "$reader" 2>/dev/null || true
is_ended() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status"; }
wait_until 15 is_ended "$writer"
wait_until 15 is_ended "$reader"
wait "$writer" "$reader" 2>/dev/null || true
kill -TERM "$MOUNT_PID"
wait_until 40 is_ended "$MOUNT_PID"
if wait "$MOUNT_PID"; then fail "status 0 although a file could not be stored"; fi
exec 5>&- || true
! mountpoint -q "$M" || fail "still mounted"
kill -CONT "$SERVER_PID"
mount_at "$M"
assert_eq "$(cat "$M/x")" x
end
