# SPDX-License-Identifier: Apache-2.0
# The bucket is sealed, then deleted, while it is mounted: errors in bounded time, never a hang.
begin timeout=3s,soft
echo kept >"$M/kept"
python3 "$TOOLS/raw.py" "$URL" b seal
echo x >new
must_fail "Read-only" timeout 60 cp new "$M/new"
must_fail "Read-only" timeout 60 rm "$M/kept"
assert_eq "$(timeout 60 cat "$M/kept")" kept
python3 "$TOOLS/raw.py" "$URL" b delete_bucket
status=0
timeout 60 cp new "$M/new" 2>err || status=$?
[ $status != 0 ] && [ $status != 124 ] || fail "writing to a deleted bucket ended with $status"
status=0
timeout 60 cat "$M/other" 2>err || status=$?
[ $status != 0 ] && [ $status != 124 ] || fail "reading from a deleted bucket ended with $status"
end
