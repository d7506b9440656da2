# SPDX-License-Identifier: Apache-2.0
# Objects of a bucket with an age limit vanish from listings by themselves, when the first of their
# messages is too old: also when their metadata were written anew since.
start_server
"$NATSOBJ" add b --ttl 12s --server "$URL" >/dev/null
M=$WORK/m
mount_at "$M"
listing() { ls "$M" | tr '\n' ' '; }
shows() { [ "$(listing)" = "$1" ]; }
echo content >"$M/plain"
echo content >"$M/changed"
echo content >"$M/moved"
began=$SECONDS
sleep 6
chmod 600 "$M/changed"
mv "$M/moved" "$M/here"
echo content >"$M/later"
assert_eq "$(listing)" "changed here later plain "
wait_until 40 shows "later "
[ $((SECONDS - began)) -ge 9 ] || fail "vanished after $((SECONDS - began)) s"
must_fail "No such file" cat "$M/changed"
must_fail "No such file" stat "$M/here"
assert_eq "$(cat "$M/later")" content
wait_until 40 shows ""
echo new >"$M/plain"
assert_eq "$(cat "$M/plain")" new
unmount_and_wait "$M" "$MOUNT_PID"
