# SPDX-License-Identifier: Apache-2.0
# conflict=fail and conflict=overwrite: no copy beside the other's content, or none of the other's.
begin conflict=fail
first=$MOUNT_PID B=$WORK/other
mount_at "$B" conflict=overwrite
second=$MOUNT_PID
cat >change.py <<'P'
import errno, os, sys
mine, theirs, fails = sys.argv[1], sys.argv[2], sys.argv[3] == "fails"
open(theirs, "w").write("base")
assert open(mine).read() == "base"
fd = os.open(mine, os.O_RDWR)
os.pwrite(fd, b"MINE", 0)
open(theirs, "w").write("theirs")
try: os.close(fd)
except OSError as e: assert fails and e.errno == errno.ESTALE, e
else: assert not fails, "nobody was told of the conflict"
P
python3 change.py "$M/f" "$B/f" fails
assert_eq "$(cat "$M/f")" theirs
python3 change.py "$B/g" "$M/g" succeeds
assert_eq "$(cat "$M/g")" MINE
assert_eq "$(ls "$M" | tr '\n' ' ')" "f g "
unmount_and_wait "$B" "$second"
unmount_and_wait "$M" "$first"
must_fail "bad value" "$MOUNT" "$URL/b" "$M" -f -o conflict=never
