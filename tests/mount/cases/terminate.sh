# SPDX-License-Identifier: Apache-2.0
# TERM stores what an open file holds.
begin
exec 5>"$M/unsaved"
echo precious >&5
kill -TERM "$MOUNT_PID"
wait "$MOUNT_PID" || fail "ended with status $?"
exec 5>&- || true
mount_at "$M"
assert_eq "$(cat "$M/unsaved")" precious
end
