# SPDX-License-Identifier: Apache-2.0
# Users of a server who may not do everything: what is forbidden is an error with a reason, at the
# mount where it can be known, and the rest works.
ALL='"$JS.API.INFO", "$JS.API.STREAM.INFO.OBJ_b", "$JS.API.STREAM.MSG.GET.OBJ_b", "$JS.API.DIRECT.GET.OBJ_b.>", "$JS.API.DIRECT.GET.OBJ_b", "$JS.API.CONSUMER.>", "$JS.ACK.>"'
cat >users.conf <<C
jetstream: enabled
accounts {
  ONE {
    jetstream: enabled
    users: [
      { user: boss, password: boss }
      { user: reader, password: reader, permissions: {
          publish: [$ALL]
          subscribe: ["_INBOX.>", "\$O.b.M.>"] } }
      { user: nopurge, password: nopurge, permissions: {
          publish: [$ALL, "\$O.b.>", "\$JS.API.STREAM.MSG.DELETE.OBJ_b"]
          subscribe: ["_INBOX.>", "\$O.b.M.>"] } }
      { user: stranger, password: stranger, permissions: {
          publish: ["nothing"], subscribe: ["_INBOX.>"] } }
    ]
  }
  TWO { jetstream: enabled, users: [ { user: other, password: other } ] }
  THREE { users: [ { user: none, password: none } ] }
}
C
start_server -c "$WORK/users.conf"
opt="cache_dir=$WORK/cache,connect_timeout=5s,timeout=3s"
for user in boss reader nopurge stranger other none; do (umask 077; printf %s "$user" >"$user.pw"); done
as() { # as USER DIR [OPTIONS]
  mkdir -p "$2"
  timeout 60 "$MOUNT" "nats://127.0.0.1:$PORT/b" "$2" -o "$opt,username=$1,password_file=$WORK/$1.pw${3:+,$3}"
}
refused() { # refused TEXT USER [OPTIONS]
  local out status=0
  out=$(as "$2" dir "${3:-}" 2>&1) || status=$?
  assert_eq "$status" 32
  case $(tail -n 1 <<<"$out") in *"$1"*) ;; *) fail "\"$out\" does not say \"$1\"" ;; esac
  case $out in *"$2$2"*) fail "a secret is shown" ;; esac
  ! mountpoint -q dir || fail "mounted as $2"
}
as boss boss create
echo old >boss/old
head -c 300000 /dev/urandom >boss/big
# Another account has its own buckets, or no JetStream at all.
refused '"b"' other
refused JetStream none
refused "permission" stranger
# The wrong password.
printf wrong >reader.pw
refused "127.0.0.1" reader
printf reader >reader.pw
# One who may only read.
as reader reader ro
same boss/big reader/big
must_fail "Read-only" sh -c 'echo x >reader/new'
must_fail "Read-only" rm reader/old
umount reader
# The same without saying so: reads work, changes say that they are not permitted or that nothing can
# be changed here, and leave nothing behind.
as reader reader || fail "mount refused: one who may read is not let in without ro"
same boss/big reader/big
for change in 'cp boss/old reader/new' 'dd if=boss/old of=reader/old conv=notrunc oflag=append status=none' 'rm reader/old' 'mv reader/old reader/gone' \
  'mkdir reader/dir' 'chmod 600 reader/old' 'ln -s t reader/link' 'cp boss/big reader/copy'; do
  if out=$(timeout 30 sh -c "$change" 2>&1); then fail "allowed: $change"; fi
  case $out in *"Permission denied"* | *"Read-only"*) ;; *) fail "$change: $out" ;; esac
done
assert_eq "$(ls boss | tr '\n' ' ')" "big old "
assert_eq "$(cat boss/old reader/old)" "$(printf 'old\nold')"
echo newer >boss/old
is_newer() { [ "$(cat reader/old)" = newer ]; }
wait_until 10 is_newer
umount reader
# One who may not purge: nothing could be replaced without leaving content behind, and it is said.
if as nopurge nopurge 2>err; then
  echo x >nopurge/mine
  echo y >nopurge/mine
  assert_eq "$(cat boss/mine)" y
  rm nopurge/mine
  wait_until 10 test ! -e boss/mine
  umount nopurge
else
  grep -qi purge err || fail "refused without naming what is missing: $(cat err)"
fi
umount boss
