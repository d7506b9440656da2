# SPDX-License-Identifier: Apache-2.0
# A user without privileges mounts and unmounts, with fusermount3.
[ "$(id -u)" = 0 ] || skip "the other cases run as a plain user already"
command -v setpriv >/dev/null && command -v fusermount3 >/dev/null || skip "setpriv or fusermount3 is not installed"
chmod 755 "$WORK"
start_server
install -d -o 65534 -g 65534 user user/m
cp "$MOUNT" user/mount.natsobj
as_user() { setpriv --reuid=65534 --regid=65534 --clear-groups env -i PATH="$PATH" "$@"; }
as_user sh -c 'true <>/dev/fuse' 2>/dev/null || skip "/dev/fuse is closed to plain users"
as_user "$WORK/user/mount.natsobj" "$URL/b" "$WORK/user/m" -o create,cache_dir="$WORK/user/cache"
as_user sh -c "echo hello >'$WORK/user/m/f'; cat '$WORK/user/m/f'" >out
assert_eq "$(cat out)" hello
assert_eq "$(as_user stat -c %u "$WORK/user/m/f")" 65534
grep " $WORK/user/m fuse.natsobj " /proc/mounts | grep -q nosuid,nodev || fail "not nosuid, nodev: $(grep natsobj /proc/mounts)"
as_user fusermount3 -u "$WORK/user/m"
! mountpoint -q user/m || fail "still mounted"
# With a list of servers, which has commas, and by the program that waits for what is stored.
cp "$BUILD/umount.natsobj" user/
servers=nats://127.0.0.1:1,${URL#nats://}
as_user "$WORK/user/mount.natsobj" "$servers/b" "$WORK/user/m" -o cache_dir="$WORK/user/cache"
assert_eq "$(findmnt -rno SOURCE user/m)" "$servers/b"
assert_eq "$(as_user cat "$WORK/user/m/f")" hello
as_user "$WORK/user/umount.natsobj" "$WORK/user/m"
! mountpoint -q user/m || fail "still mounted"
