# SPDX-License-Identifier: Apache-2.0
# A bucket is restored from a backup while a mount has no connection, and is written to until its
# sequences are as high as before. The mount shows what the bucket has, not what it had.
begin
first=$MOUNT_PID
echo first >"$M/changed"
echo first >"$M/removed"
echo first >"$M/same"
mkdir "$M/dir"
sync_count() { [ "$(ls "$M" | wc -l)" = "$1" ]; }
wait_until 10 sync_count 4
kill "$SERVER_PID"
wait "$SERVER_PID" 2>/dev/null || true
cp -a "$WORK/server" "$WORK/backup"
start_server
wait_until 30 sh -c "echo second >'$M/changed'"
rm "$M/removed"
echo second >"$M/added"
mv "$M/same" "$M/moved"
assert_eq "$(cat "$M/changed" "$M/added" "$M/moved" | tr '\n' ' ')" "second second first "
kill -STOP "$MOUNT_PID"
kill "$SERVER_PID"
wait "$SERVER_PID" 2>/dev/null || true
rm -r "$WORK/server"
mv "$WORK/backup" "$WORK/server"
start_server
python3 - "$URL" <<'P'
import sys, raw
r = raw.Raw(sys.argv[1])
for i in range(40): r.put("other", [b"x"])
P
kill -CONT "$MOUNT_PID"
is_restored() { ls "$M" >"$WORK/listing"; [ "$(tr '\n' ' ' <"$WORK/listing")" = "changed dir other removed same " ]; }
wait_until 30 is_restored
is_first() { [ "$(stat -c %s "$M/changed")" = 6 ] && [ "$(cat "$M/changed" "$M/removed" "$M/same" | tr '\n' ' ')" = "first first first " ]; }
wait_until 10 is_first
grep -q "restored to an older state" "$WORK/log.m" || fail "nothing was said"
must_fail "No such file" cat "$M/added"
echo third >"$M/changed"
assert_eq "$(cat "$M/changed")" third
end
