# SPDX-License-Identifier: Apache-2.0
# Every kind of credentials comes from a file that only its owner reads, works, and shows nowhere.
start_server() { # Without JetStream in the arguments: it is in the configuration.
  mkdir -p "$WORK/server"
  rm -f "$WORK/server"/*.ports
  "${NATS_SERVER:-nats-server}" -a 127.0.0.1 -p "${PORT:--1}" --ports_file_dir "$WORK/server" \
    -sd "$WORK/server" "$@" >>"$WORK/server.log" 2>&1 &
  SERVER_PID=$!
  echo "$SERVER_PID" >>"$WORK/pids"
  wait_until 15 ports_are_known
  URL=$(grep -oE '(nats|tls)://[0-9.:]*' "$WORK"/server/*.ports | head -n 1)
  PORT=${URL##*:}
}
stop_server() { kill "$SERVER_PID"; wait "$SERVER_PID" 2>/dev/null || true; }
umask 077
mkdir dir
opt="create,cache_dir=$WORK/cache,connect_timeout=5s,timeout=5s"
# works SECRET OPTIONS, with the secret in a file that the options name.
works() {
  "$MOUNT" "nats://127.0.0.1:$PORT/b" dir -o "$opt,$2" >out 2>&1 || fail "$2: $(cat out)"
  echo "$2" >dir/x
  assert_eq "$(cat dir/x)" "$2"
  ! grep -qF -e "$1" /proc/mounts out || fail "the secret shows: $2"
  for args in /proc/[0-9]*/cmdline; do
    ! tr '\0' ' ' 2>/dev/null <"$args" | grep "^$MOUNT " | grep -qF -e "$1" || fail "the secret is in $args"
  done
  umount dir
}
# refused TEXT OPTIONS
refused() {
  local out status=0
  out=$(timeout 60 "$MOUNT" "nats://127.0.0.1:$PORT/b" dir -o "$opt,$2" 2>&1) || status=$?
  [ "$status" = 32 ] || [ "$status" = 1 ] || fail "status $status: $2"
  assert_eq "$(echo "$out" | wc -l)" 1
  case $out in *"$1"*) ;; *) fail "\"$out\" does not say \"$1\": $2" ;; esac
  ! mountpoint -q dir || fail "mounted with $2"
}
# not_for_others FILE OPTIONS: refused while others may read the file.
not_for_others() {
  chmod 640 "$1"
  refused "$1" "$2"
  chmod 600 "$1"
}
start_server -js --user joe --pass sesame-7351
printf 'sesame-7351\n' >pw
works sesame-7351 "username=joe,password_file=$WORK/pw"
not_for_others "$WORK/pw" "username=joe,password_file=$WORK/pw"
refused "absent" "username=joe,password_file=$WORK/absent"
mkfifo pipe
refused "must be a file" "username=joe,password_file=$WORK/pipe"
printf wrong >pw
refused "127.0.0.1" "username=joe,password_file=$WORK/pw"
stop_server
start_server -js --auth token-9924
printf token-9924 >token
works token-9924 "token_file=$WORK/token"
not_for_others "$WORK/token" "token_file=$WORK/token"
stop_server
command -v openssl >/dev/null || skip "openssl is not installed"
mkdir keys
python3 "$TOOLS/nkey.py" keys
cat >nkey.conf <<C
jetstream: enabled
authorization { users: [ { nkey: $(cat keys/key) } ] }
C
start_server -c "$WORK/nkey.conf"
cp keys/seed seed
works "$(cat seed)" "nkey=$WORK/seed"
not_for_others "$WORK/seed" "nkey=$WORK/seed"
echo SUANOTASEED >seed
refused "seed" "nkey=$WORK/seed"
stop_server
# A user of an account of an operator.
start_server -c "$WORK/keys/operator.conf"
works "$(cat keys/seed)" "creds=$WORK/keys/user.creds"
not_for_others "$WORK/keys/user.creds" "creds=$WORK/keys/user.creds"
refused "$WORK/absent: No such file" "creds=$WORK/absent"
refused "$WORK/dir must be a file, and is something else" "creds=$WORK/dir"
refused "cache_dir= must name a directory" "cache_dir="
sed 's/^SU/SA/' keys/user.creds >broken.creds
refused "" "creds=$WORK/broken.creds"
stop_server
