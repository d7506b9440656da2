# SPDX-License-Identifier: Apache-2.0
# A user who may store but not purge: files work, the refusal is said once for a subject, asked for no
# more, and what stays behind is named at the end.
cat >server.conf <<'CONF'
authorization {
  users = [
    { user: all, password: all }
    { user: few, password: few, permissions: { publish: { deny: "$JS.API.STREAM.PURGE.OBJ_b" } } }
  ]
}
CONF
start_server -js -c server.conf
NATS_URL=${URL/\/\////all:all@} "$NATSOBJ" add b >/dev/null
URL=${URL/\/\////few:few@}
M=$WORK/m
mount_at "$M" purge_delay=0
for i in 1 2 3 4; do echo "$i" >"$M/f"; done
echo gone >"$M/g"
rm "$M/g"
refused() { grep -c 'the server refuses \$JS.API.STREAM.PURGE.OBJ_b' "$WORK/log.m"; }
field() { python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$1/.natsobj/status" "$2"; }
is_settled() { [ "$(refused)" -gt 0 ] && [ "$(field "$M" deferred_jobs)" = 0 ]; }
wait_until 20 is_settled
assert_eq "$(cat "$M/f")" 4
assert_eq "$(refused)" 1
unmount_and_wait "$M" "$MOUNT_PID"
assert_eq "$(refused)" 1
assert_eq "$(grep -c 'chunks of .* may not be removed' "$WORK/log.m")" 1
grep -q 'the chunks of 4 replaced or deleted contents' "$WORK/log.m" || fail "nothing is named at the end"
