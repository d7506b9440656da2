# SPDX-License-Identifier: Apache-2.0
# A change that was based on content replaced meanwhile is kept beside it, and its writer is told. Who
# truncated replaces.
begin
first=$MOUNT_PID B=$WORK/other
mount_at "$B"
echo base >"$M/f"
assert_eq "$(cat "$B/f")" base
python3 - "$M" "$B" <<'P'
import errno, os, sys
a, b = sys.argv[1], sys.argv[2]
fd = os.open(a + "/f", os.O_RDWR)
os.pwrite(fd, b"MINE", 0)
open(b + "/f", "w").write("theirs\n")
try: os.fsync(fd)
except OSError as e: assert e.errno == errno.ESTALE, e
else: sys.exit("fsync reported success although the change was not stored")
try: os.close(fd)
except OSError: pass
P
assert_eq "$(cat "$M/f")" theirs
assert_eq "$(cat "$B/f")" theirs
wait_until 5 sh -c "ls '$B' | grep -q '^f\.conflict-'"
assert_eq "$(cat "$B"/f.conflict-*)" MINE
exec 5>"$M/f"
echo other >"$B/f"
echo last >&5
exec 5>&-
assert_eq "$(cat "$B/f")" last
unmount_and_wait "$B" "$MOUNT_PID"
unmount_and_wait "$M" "$first"
