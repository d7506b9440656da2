# SPDX-License-Identifier: Apache-2.0
# Called as mount(8) calls its helpers, with an environment that has next to nothing in it.
start_server
mkdir dir
"$NATSOBJ" add b --server "$URL" >/dev/null
helper() { env -i PATH=/usr/bin:/bin "$MOUNT" "$@"; }
helper "$URL/b" dir -o "rw,_netdev,nofail,x-systemd.automount,x-systemd.mount-timeout=30,defaults,cache-dir=$WORK/cache"
mountpoint -q dir || fail "not mounted"
assert_eq "$(findmnt -no FSTYPE,SOURCE dir | tr -s ' ')" "fuse.natsobj $URL/b"
echo x >dir/x
umount dir
! mountpoint -q dir || fail "still mounted"
# A password in the URL works, and shows nowhere.
kill "$SERVER_PID"; wait "$SERVER_PID" 2>/dev/null || true
start_server -js --user joe --pass sesame
helper "nats://joe:sesame@127.0.0.1:$PORT/b" dir -o "cache_dir=$WORK/cache" 2>err
assert_eq "$(cat dir/x)" x
! grep -q sesame /proc/mounts || fail "the password is in /proc/mounts"
for args in /proc/[0-9]*/cmdline; do
  ! tr '\0' ' ' 2>/dev/null <"$args" | grep "^$MOUNT " | grep -q sesame || fail "the password is in $args"
done
! grep -q sesame err || fail "the password is shown: $(cat err)"
umount dir
umask 077
echo sesame >pw
# The general options, and what a mount says to new ones.
helper "$URL/b" dir -o "rw,sync,strictatime,lazytime,dirsync,nodiratime,noiversion,silent,cache_dir=$WORK/cache,username=joe,password_file=$WORK/pw"
findmnt -no OPTIONS dir | grep -q sync || fail "no sync: $(findmnt -no OPTIONS dir)"
status=0
helper "$URL/b" dir -o ro,remount 2>err || status=$?
assert_eq "$status $(wc -l <err)" "32 1"
grep -q "unmount dir and mount it again" err || fail "remount: $(cat err)"
mount -i -o remount,ro dir
! touch dir/y 2>/dev/null || fail "changed a read-only mount"
mount -i -o remount,rw dir
touch dir/y
umount dir
# mount(8) makes of user=NAME what nobody asked for; the mount keeps nosuid and nodev.
hardened() {
  case ,$(findmnt -no OPTIONS dir), in *,nosuid,*nodev,* | *,nodev,*nosuid,*) ;; *) fail "$1: $(findmnt -no OPTIONS dir)" ;; esac
}
login="username=joe,password_file=$WORK/pw,cache_dir=$WORK/cache"
helper "$URL/b" dir -o "rw,$login,user=bob,exec,suid,dev" 2>err
[ ! -s err ] || fail "a warning: $(cat err)"
assert_eq "$(cat dir/x)" x
hardened "user=NAME"
umount dir
helper "$URL/b" dir -o "$login,users,owner,group,nouser,user"
hardened "options of mount(8)"
umount dir
# Who means the NATS user is told its name.
helper "$URL/b" dir -o "rw,user=joe,password_file=$WORK/pw,cache_dir=$WORK/cache,exec,suid,dev" 2>err &&
  fail "user= was a credential"
grep -q "username=" err || fail "no hint: $(cat err)"
