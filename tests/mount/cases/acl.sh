# SPDX-License-Identifier: Apache-2.0
# POSIX access control lists: they decide, are inherited, and follow and lead the permission bits.
[ "$(id -u)" = 0 ] || skip "only root can act for another user"
command -v setfacl >/dev/null || skip "setfacl (package acl) is not installed"
chmod 755 "$WORK"
umask 022
begin acl,allow_other
as() { setpriv --reuid="$1" --regid="$1" --clear-groups "${@:2}"; }
acl() { getfacl -npcE "$@" 2>/dev/null | tr '\n' ' ' | sed 's/ *$//'; }
echo secret >"$M/f"; chmod 640 "$M/f"
must_fail "Permission denied" as 65534 cat "$M/f"
setfacl -m u:65534:r "$M/f"
assert_eq "$(as 65534 cat "$M/f")" secret
must_fail "Permission denied" as 65533 cat "$M/f"
assert_eq "$(acl "$M/f")" "user::rw- user:65534:r-- group::r-- mask::r-- other::---"
setfacl -m g:65533:rw "$M/f"
assert_eq "$(stat -c %a "$M/f")" 660
as 65533 sh -c "echo more >>'$M/f'"
chmod 600 "$M/f"
must_fail "Permission denied" as 65534 cat "$M/f"
assert_eq "$(acl "$M/f")" "user::rw- user:65534:r-- group::r-- group:65533:rw- mask::--- other::---"
chmod 640 "$M/f"
assert_eq "$(as 65534 cat "$M/f")" "$(printf 'secret\nmore')"
must_fail "not permitted" as 65534 setfacl -m u:65534:rw "$M/f"
# A new entry has the directory's default list instead of the umask.
mkdir "$M/d"
setfacl -d -m u:65534:rwx,g::rwx,o::--- "$M/d"
umask 077
touch "$M/d/f"; mkdir "$M/d/sub"; mkfifo "$M/d/p"; ln -s f "$M/d/l"
assert_eq "$(acl "$M/d/f")" "user::rw- user:65534:rwx group::rwx mask::rw- other::---"
assert_eq "$(stat -c %a "$M/d/f")" 660
assert_eq "$(stat -c %a "$M/d/p")" 660
assert_eq "$(acl "$M/d/sub")" "user::rwx user:65534:rwx group::rwx mask::rwx other::--- \
default:user::rwx default:user:65534:rwx default:group::rwx default:mask::rwx default:other::---"
as 65534 sh -c "echo theirs >'$M/d/sub/new' && cat '$M/d/sub/new'" >got
assert_eq "$(cat got)" theirs
umask 027
touch "$M/plain"
assert_eq "$(stat -c %a "$M/plain")" 640
# A list that says no more than the bits is none; an access list on a file has no default.
setfacl -b "$M/f"
assert_eq "$(acl "$M/f")" "user::rw- group::r-- other::---"
assert_eq "$(getfattr --absolute-names -m - "$M/f")" ""
must_fail "directories" setfacl -d -m u:1:r "$M/f"
setfacl -m u:65534:r "$M/f"
cp -a "$M/f" "$M/copy"
acl "$M/d/f" "$M/d/sub" "$M/copy" >before
end
mount_at "$M" acl,allow_other
acl "$M/d/f" "$M/d/sub" "$M/copy" >after
same before after
assert_eq "$(as 65534 cat "$M/copy")" "$(printf 'secret\nmore')"
end
# Without the option there are none; the bits still follow.
mount_at "$M" allow_other
must_fail "not supported" setfacl -m u:1:r "$M/f"
chmod 600 "$M/copy"
end
mount_at "$M" acl,allow_other
must_fail "Permission denied" as 65534 cat "$M/copy"
end
