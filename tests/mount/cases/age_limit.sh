# SPDX-License-Identifier: Apache-2.0
# Objects of a bucket with an age limit vanish from listings by themselves, when the first of their
# messages is too old: also when their metadata were written anew since. All names of a file go together.
start_server
"$NATSOBJ" add b --ttl 12s --server "$URL" >/dev/null
M=$WORK/m
mount_at "$M"
listing() { ls "$M" | tr '\n' ' '; }
shows() { [ "$(listing)" = "$1" ]; }
echo content >"$M/plain"
echo content >"$M/changed"
echo content >"$M/moved"
echo content >"$M/one"
ln "$M/one" "$M/other"
began=$SECONDS
# Content that takes nearly as long as it would live is refused rather than stored with a hole.
python3 - "$M" <<'P' &
import errno, os, sys, time
fd = os.open(f"{sys.argv[1]}/slow", os.O_WRONLY | os.O_CREAT)
os.write(fd, bytes(300000))
time.sleep(11.3)
try: os.close(fd)
except OSError as e: sys.exit(e.errno != errno.EIO)
sys.exit("stored, although most of its time was over")
P
slow=$!
sleep 6
chmod 600 "$M/changed"
mv "$M/moved" "$M/here"
echo content >"$M/later"
assert_eq "$(listing)" "changed here later one other plain slow "
wait_until 40 shows "later "
wait $slow || fail "the slow writer"
[ $((SECONDS - began)) -ge 9 ] || fail "vanished after $((SECONDS - began)) s"
must_fail "No such file" cat "$M/changed"
must_fail "No such file" stat "$M/here"
assert_eq "$(cat "$M/later")" content
wait_until 40 shows ""
echo new >"$M/one"
ln "$M/one" "$M/other"
assert_eq "$(cat "$M/other")" new
echo new >"$M/plain"
assert_eq "$(cat "$M/plain")" new
unmount_and_wait "$M" "$MOUNT_PID"
