# SPDX-License-Identifier: Apache-2.0
# A bucket is deleted, made again and sealed under two mounts that wait for a lost server: calls fail
# in time, what was known of the old bucket is forgotten, and the mounts go on with the new one.
begin
first=$MOUNT_PID
field() { python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$1/.natsobj/status" "$2"; }
is() { [ "$(field "$1" "$2")" = "$3" ]; }
listing() { ls "$1" | tr '\n' ' '; }
shows() { [ "$(listing "$1")" = "$2" ]; }

echo old >"$M/f"
mkdir "$M/dir"
echo old >"$M/dir/g"
exec 7<"$M/f"
python3 "$TOOLS/raw.py" "$URL" b delete_bucket
wait_until 20 is "$M" watch gone
assert_eq "$(is "$M" connected False && echo no)" no
must_fail "No such device" timeout 30 cat "$M/f"
echo x >new
must_fail "No such device" timeout 30 cp new "$M/h"
must_fail "No such device" timeout 30 mv "$M/f" "$M/i"
must_fail "No such device" timeout 30 rm "$M/dir/g"

other=$WORK/other
mount_at "$other"
second=$MOUNT_PID
echo "new content" >"$other/f"
echo fresh >"$other/j"
wait_until 20 is "$M" watch connected
wait_until 10 shows "$M" "f j "
assert_eq "$(cat "$M/f")" "new content"
got=$(timeout 30 cat <&7 2>/dev/null || true)
[ "$got" = old ] || [ "$got" = "" ] || fail "an open file shows \"$got\""
exec 7<&-
must_fail "No such file" stat "$M/dir/g"
echo again >"$M/dir2"
assert_eq "$(cat "$other/dir2")" again

# Nobody writes: the mounts learn of it from the server.
python3 "$TOOLS/raw.py" "$URL" b seal
wait_until 20 is "$M" read_only True
must_fail "Read-only" timeout 30 cp new "$M/h"
must_fail "Read-only" timeout 30 touch "$M/f"
must_fail "Read-only" timeout 30 rm "$M/f"
assert_eq "$(cat "$other/j")" fresh
unmount_and_wait "$other" "$second"
MOUNT_PID=$first
end
