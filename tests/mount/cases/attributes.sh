# SPDX-License-Identifier: Apache-2.0
# Mode, owner, times, links and special files survive a remount.
begin
umask 022
echo x >"$M/f"
chmod 751 "$M/f"
[ "$(id -u)" != 0 ] || chown 12:34 "$M/f"
touch -d '2001-02-03 04:05:06.123456789 UTC' "$M/f"
mkdir -m 1770 "$M/d"
ln -s ../some/where "$M/l"
mkfifo -m 600 "$M/p"
show() { (cd "$M" && stat -c '%n %F %a %u %g %s' f d p && stat -c '%n %F %s' l && stat -c '%y %i' f && readlink l); }
show >before
end
mount_at "$M"
show >after
same before after
assert_eq "$(date -u -r "$M/f" +%FT%T.%N)" 2001-02-03T04:05:06.123456789
end
