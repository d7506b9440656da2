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
# By another's writes and truncations, not by root's own writes; a capability goes with any write.
for change in "echo x >>" "truncate -s 1" ": >"; do
  chmod 6777 "$M/public"
  nobody sh -c "$change '$M/public'"
  assert_eq "$(stat -c %a "$M/public")" 777
done
chmod 6777 "$M/public"
echo root >>"$M/public"
assert_eq "$(stat -c %a "$M/public")" 6777
setfattr -n security.capability -v 0x0100000202000000000000000000000000000000 "$M/public"
getfattr -n security.capability "$M/public" >/dev/null
echo root >>"$M/public"
must_fail "No such attribute" getfattr -n security.capability "$M/public"
# Groups, supplementary ones too; who is not in it cannot keep its set-group-ID bit.
member() { setpriv --reuid=65533 --regid=65533 --groups=4000 "$@"; }
echo group >"$M/group"; chown 0:4000 "$M/group"; chmod 640 "$M/group"
assert_eq "$(member cat "$M/group")" group
must_fail "Permission denied" nobody cat "$M/group"
mkdir -m 2770 "$M/team"; chown 0:4000 "$M/team"; chmod 2770 "$M/team"
member sh -c "umask 007; mkdir '$M/team/sub'; touch '$M/team/file'"
assert_eq "$(stat -c '%u:%g %a' "$M/team/sub" "$M/team/file" | tr '\n' ' ')" "65533:4000 2770 65533:4000 660 "
member chmod 2755 "$M/team/file"
assert_eq "$(stat -c %a "$M/team/file")" 2755
chown 65534:4000 "$M/team/file"; chmod 777 "$M/team"
nobody chmod 2755 "$M/team/file"
assert_eq "$(stat -c %a "$M/team/file")" 755
member chgrp 4000 "$M/open/theirs" 2>/dev/null && fail "another's file"
end
mount_at "$M"
must_fail "Permission denied" nobody ls "$M"
end
