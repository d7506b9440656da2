# SPDX-License-Identifier: Apache-2.0
# long: a bucket that nobody announces is seen by the look of every ten seconds.
# A user who may not open one of the buckets, and hears no advisories: the bucket is shown, entering it
# is refused at once and harms no other, and new buckets are seen in bounded time.
cat >server.conf <<'CONF'
authorization {
  users = [
    { user: all, password: all }
    { user: few, password: few, permissions: {
        publish: { deny: ["$JS.API.STREAM.INFO.OBJ_secret", "$JS.API.CONSUMER.CREATE.OBJ_secret.>"] }
        subscribe: { deny: ["$JS.EVENT.>"] } } }
  ]
}
CONF
start_server -js -c server.conf
export NATS_URL=${URL/\/\////all:all@}
"$NATSOBJ" add open >/dev/null
"$NATSOBJ" add secret >/dev/null
M=$WORK/m
mkdir "$M"
"$MOUNT" "${URL/\/\////few:few@}/" "$M" -f -o "cache_dir=$WORK/cache" >"$WORK/log.m" 2>&1 &
MOUNT_PID=$!
echo "$MOUNT_PID" >>"$WORK/pids"
wait_until 30 is_mounted_or_dead "$M" "$MOUNT_PID"
mountpoint -q "$M" || fail "no mount: $(cat "$WORK/log.m")"

assert_eq "$(ls -l "$M" | tail -n +2 | wc -l)" 2
must_fail "Permission denied" timeout 30 ls "$M/secret"
must_fail "Permission denied" timeout 30 touch "$M/secret/f"
must_fail "Permission denied" timeout 30 rmdir "$M/secret"
echo x >"$M/open/f"
assert_eq "$(cat "$M/open/f")" x
grep -q 'no permission to look at bucket "secret"' "$WORK/log.m" || fail "the log does not say why"
"$NATSOBJ" add late >/dev/null
listed() { ls "$M" >listing; grep -qx "$1" listing; }
wait_until 30 listed late
"$NATSOBJ" del late -f >/dev/null
gone() { ! listed late; }
wait_until 30 gone
unmount_and_wait "$M" "$MOUNT_PID"
