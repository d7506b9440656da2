# SPDX-License-Identifier: Apache-2.0
# A server without JetStream, and one that wants a password.
start_server -m 0
mkdir dir
out=$("$MOUNT" "$URL/b" dir -o create,timeout=2s,cache_dir="$WORK/cache" 2>&1) && fail "mounted"
case $out in *JetStream*) ;; *) fail "$out" ;; esac
kill "$SERVER_PID"
unset PORT
start_server -js --user u --pass right
echo wrong >pw; chmod 600 pw
out=$("$MOUNT" "$URL/b" dir -o create,username=u,password_file=pw,cache_dir="$WORK/cache" 2>&1) && fail "mounted"
case $out in *127.0.0.1*) ;; *) fail "$out" ;; esac
echo right >pw
"$MOUNT" "$URL/b" dir -o "create,username=u,password_file=$WORK/pw,cache_dir=$WORK/cache"
echo x >dir/x
assert_eq "$(cat dir/x)" x
chmod 644 pw
umount dir
out=$("$MOUNT" "$URL/b" dir -o username=u,password_file=pw 2>&1) && fail "took a secret that all can read"
case $out in *pw*) ;; *) fail "$out" ;; esac
