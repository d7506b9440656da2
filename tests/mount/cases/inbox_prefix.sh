# SPDX-License-Identifier: Apache-2.0
# A user who may receive answers below a prefix of its own only.
cat >perm.conf <<'C'
jetstream: enabled
authorization { users: [ { user: joe, password: sesame, permissions: {
  publish: ">", subscribe: [ "_IN.joe.>", "$O.b.M.>", "$JS.EVENT.ADVISORY.>" ] } } ] }
C
start_server -c perm.conf
(umask 077; echo sesame >pw)
login="username=joe,password_file=$WORK/pw,timeout=3s,soft"
mkdir second
must_fail mount.natsobj "$MOUNT" "$URL/b" second -o "create,cache_dir=$WORK/cache,$login"
must_fail "prefix of inboxes" "$MOUNT" "$URL/b" second -o "inbox_prefix=_IN.>,$login"
M=$WORK/m
mount_at "$M" "$login,inbox_prefix=_IN.joe"
head -c 1M /dev/urandom >f
cp f "$M/f"
NATS_USER=joe NATS_PASSWORD=sesame "$NATSOBJ" mount b second --server "$URL" --inbox-prefix _IN.joe -o "cache_dir=$WORK/cache"
same f second/f
echo seen >"$M/g"
is_there() { [ "$(cat second/g)" = seen ]; }
wait_until 20 is_there
"$NATSOBJ" umount second
end
