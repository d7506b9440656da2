# SPDX-License-Identifier: Apache-2.0
# The bucket gets settings under which nothing is to be stored, and proper ones again, an age limit, and none;
# it is sealed, then deleted, while it is mounted: errors in bounded time, never a hang.
begin timeout=3s,soft
is() { grep -qF "$1" "$M/.natsobj/status"; }
bucket() { python3 "$TOOLS/raw.py" "$URL" b "$@"; }

# What is stored in a bucket that drops its oldest messages takes the place of what others have stored.
echo kept >"$M/kept"
exec 7>"$M/open" 8>"$M/asked"
echo first >&7
echo first >&8
bucket set '{"discard": "old", "max_bytes": 3000000}'
wait_until 20 is '"read_only":true'
is '"why_read_only":"drops its oldest messages when full (discard is not new)"' || fail "$(cat "$M/.natsobj/status")"
echo x >new
must_fail "Read-only" timeout 60 cp new "$M/new"
must_fail "Read-only" timeout 60 touch "$M/kept"
must_fail "Read-only" timeout 60 mv "$M/kept" "$M/moved"
must_fail "Read-only" timeout 60 mkdir "$M/dir"
must_fail "Read-only" timeout 60 rm "$M/kept"
must_fail "Read-only" timeout 60 sync "$M/asked"
assert_eq "$(timeout 60 cat "$M/kept")" kept
bucket set '{"discard": "new", "max_bytes": -1}'
wait_until 20 is '"read_only":false'
if is why_read_only; then fail "a reason is told for nothing"; fi
echo second >&7
exec 7>&- 8>&-
assert_eq "$(timeout 60 cat "$M/open")" "first
second"
timeout 60 cp new "$M/new"
timeout 60 rm "$M/new"
grep -q "drops its oldest messages" "$WORK/log.m" || fail "the log does not say why"

# An age limit that is set counts also for what was stored before; one that is taken away does not.
shows() { [ "$(ls "$M" | tr '\n' ' ')" = "$1" ]; }
mkdir "$M/dir"
echo old >"$M/dir/f"
echo old >"$M/changed"
chmod 600 "$M/changed"
bucket set '{"max_age": 3000000000, "duplicate_window": 1000000000}'
wait_until 40 shows ""
must_fail "No such file" timeout 60 cat "$M/kept"
must_fail "No such file" timeout 60 cat "$M/dir/f"
must_fail "No such file" timeout 60 stat "$M/changed"
echo kept >"$M/kept"
bucket set '{"max_age": 0}'
sleep 4
assert_eq "$(timeout 60 cat "$M/kept")" kept
shows "kept " || fail "$(ls "$M")"

bucket seal
echo x >new
must_fail "Read-only" timeout 60 cp new "$M/new"
must_fail "Read-only" timeout 60 rm "$M/kept"
assert_eq "$(timeout 60 cat "$M/kept")" kept
bucket delete_bucket
status=0
timeout 60 cp new "$M/new" 2>err || status=$?
[ $status != 0 ] && [ $status != 124 ] || fail "writing to a deleted bucket ended with $status"
status=0
timeout 60 cat "$M/other" 2>err || status=$?
[ $status != 0 ] && [ $status != 124 ] || fail "reading from a deleted bucket ended with $status"
end
