# SPDX-License-Identifier: Apache-2.0
# One sentence that names the thing, the right exit status, nothing left behind.
start_server
mkdir -p dir
try() { # try STATUS TEXT ARGUMENT…
  local expected=$1 text=$2 out status=0
  shift 2
  out=$(timeout 30 "$MOUNT" "$@" 2>&1) || status=$?
  assert_eq "$status" "$expected"
  case $out in *"$text"*) ;; *) fail "\"$out\" does not say \"$text\"" ;; esac
  assert_eq "$(echo "$out" | wc -l)" 1
  ! mountpoint -q dir || fail "something is mounted"
}
opt="cache_dir=$WORK/cache,connect_timeout=1s,timeout=2s"
try 32 '127.0.0.1:1' nats://127.0.0.1:1/b dir -o "$opt"
try 32 'nosuch' "$URL/nosuch" dir -o "$opt"
try 1 'nats://' http://x/b dir
try 1 'bucket' nats://127.0.0.1 dir
try 1 'frobnicate' "$URL/b" dir -o frobnicate
try 1 'server 2 is not a valid' nats://127.0.0.1,127.0.0.1:99999/b dir -o "$opt"
try 1 'memory' "$URL/b" dir -o memory=lots
try 1 'a size from 1K to 64M' "$URL/b" dir -o chunk_size=1
try 1 'a size from 0' "$URL/b" dir -o staging_size=much
try 1 'a duration from 100ms to 24h' "$URL/b" dir -o timeout=0
try 1 'an octal number from 0 to 777' "$URL/b" dir -o umask=8
try 1 'a number from 0 to 4294967294' "$URL/b" dir -o uid=root
try 1 'one of copy|fail|overwrite' "$URL/b" dir -o conflict=never
try 32 'cannot read /nonexistent' "$URL/b" dir -o creds=/nonexistent
try 32 'absent' "$URL/b" absent -o "$opt,create"
touch file
try 32 'not a directory' "$URL/b" file -o "$opt,create"
python3 - <<'P' >port &
import socket, sys, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); print(s.getsockname()[1], flush=True)
time.sleep(60)
P
echo $! >>pids
wait_until 5 test -s port
try 32 "$(cat port)" "nats://127.0.0.1:$(cat port)/b" dir -o "$opt"
# In the background; a second mount on the same place is refused.
"$MOUNT" "$URL/b" dir -o "$opt,create"
mountpoint -q dir || fail "not mounted when the program ended"
out=$("$MOUNT" "$URL/b" dir -o "$opt" 2>&1) && fail "mounted twice"
case $out in *"already in use"*) ;; *) fail "$out" ;; esac
umount dir
