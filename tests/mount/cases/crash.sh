# SPDX-License-Identifier: Apache-2.0
# The daemon is killed: closed files are there, the unclosed one has its old content, nothing hangs.
begin
echo closed >"$M/closed"
echo old >"$M/open"
exec 5>>"$M/open"
echo new >&5
kill -9 "$MOUNT_PID"
wait "$MOUNT_PID" || true
if timeout 20 cat "$M/closed" >/dev/null 2>&1; then fail "a dead daemon answered"; fi
exec 5>&- || true
umount -l "$M" 2>/dev/null || true
mount_at "$M"
assert_eq "$(cat "$M/closed")" closed
assert_eq "$(cat "$M/open")" old
end
