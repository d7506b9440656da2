# SPDX-License-Identifier: Apache-2.0
# A file that was appended to and not closed takes the place of another, not the end of it.
begin
echo old >"$M/target"
exec 7>>"$M/fresh"
echo new >&7
mv "$M/fresh" "$M/target"
echo more >&7
exec 7>&-
assert_eq "$(cat "$M/target")" "$(printf 'new\nmore')"
end
mount_at "$M"
assert_eq "$(cat "$M/target")" "$(printf 'new\nmore')"
end
