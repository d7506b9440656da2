# SPDX-License-Identifier: Apache-2.0
# allow_other lets others in as far as the mode bits let them; without it nobody.
[ "$(id -u)" = 0 ] || skip "only root can act for another user"
command -v setpriv >/dev/null || skip "setpriv is not installed"
chmod 755 "$WORK"
begin allow_other
nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
echo secret >"$M/secret"; chmod 600 "$M/secret"
echo public >"$M/public"; chmod 644 "$M/public"
mkdir -m 777 "$M/open"; mkdir -m 1777 "$M/sticky"; mkdir -m 700 "$M/closed"
assert_eq "$(nobody cat "$M/public")" public
must_fail "Permission denied" nobody cat "$M/secret"
must_fail "Permission denied" nobody ls "$M/closed"
must_fail "Permission denied" nobody touch "$M/new"
must_fail "Permission denied" nobody sh -c "echo x >>'$M/public'"
must_fail "not permitted" nobody chmod 777 "$M/public"
must_fail "not permitted" nobody chown 65534 "$M/open"
nobody touch "$M/open/theirs"
assert_eq "$(stat -c %u:%g "$M/open/theirs")" 65534:65534
touch "$M/sticky/roots"
must_fail "not permitted" nobody rm -f "$M/sticky/roots"
chmod 4755 "$M/public"; chown 65534 "$M/public"
assert_eq "$(stat -c %a "$M/public")" 755
chmod 4755 "$M/public"
nobody sh -c "echo x >>'$M/public'"
assert_eq "$(stat -c %a "$M/public")" 755
end
mount_at "$M"
must_fail "Permission denied" nobody ls "$M"
end
