# SPDX-License-Identifier: Apache-2.0
# locks=cluster: the lock bucket is deleted under live mounts, or gone with all that the server stored.
# It is made again, what was held is lost, and new locks can be had; where it may not be made, a lock
# is refused instead of waited for.
cat >server.conf <<'CONF'
no_auth_user: all
authorization {
  users = [
    { user: all, password: all }
    { user: few, password: few, permissions: { publish: { deny: "$JS.API.STREAM.CREATE.KV_b_locks" } } }
  ]
}
CONF
start_server -js -c server.conf
options=locks=cluster,lock_lease=2s
A=$WORK/m B=$WORK/other
mount_at "$A" $options
first=$MOUNT_PID
mount_at "$B" $options
second=$MOUNT_PID
PLAIN=$URL
URL=${PLAIN/\/\////few:few@}
C=$WORK/third
mount_at "$C" $options
third=$MOUNT_PID
URL=$PLAIN
touch "$A/f"
for m in "$A" "$B" "$C"; do wait_until 20 test -e "$m/f"; done

delete_locks() { python3 -c "
import raw, sys
raw.Raw('$URL', 'b').api('STREAM.DELETE.KV_b_locks')"; }
python3 "$TOOLS/locks.py" lost "$A/f" "$WORK/taken" "$WORK/go" &
loser=$!
wait_until 20 test -e "$WORK/taken"
delete_locks
timeout 25 flock "$B/f" true || fail "no lock after the lock bucket was deleted: $?"
touch "$WORK/go"
wait "$loser" || fail "the loser of a lock was not told"
can_lock() { timeout 25 flock "$1" true; }
# The kernel tells a little later that the loser has closed the file.
wait_until 25 can_lock "$A/f"
# This one may have met no bucket, before the others made it.
wait_until 25 can_lock "$C/f"
for m in m other; do
  assert_eq "$(grep -c 'lock bucket "b_locks"' "$WORK/log.$m")" 1
done
unmount_and_wait "$A" "$first"
unmount_and_wait "$B" "$second"

# Only the one who may not make it is left.
delete_locks
if out=$(timeout 25 flock "$C/f" true 2>&1); then fail "a lock without a lock bucket"; fi
case $out in *"No locks available"*) ;; *) fail "flock says \"$out\"" ;; esac
grep -q 'cannot open lock bucket "b_locks"' "$WORK/log.third" || fail "the log does not say why"
mount_at "$A" $options
first=$MOUNT_PID
wait_until 25 can_lock "$C/f"

# All that the server had stored is gone.
kill "$SERVER_PID"
wait "$SERVER_PID" || true
rm -rf "$WORK/server/jetstream"
start_server -js -c server.conf
NATS_URL=$URL "$NATSOBJ" add b >/dev/null
is_made() { echo new >"$A/g"; }
wait_until 25 is_made
timeout 25 flock "$A/g" true || fail "no lock after the store was emptied: $?"
unmount_and_wait "$A" "$first"
unmount_and_wait "$C" "$third"
