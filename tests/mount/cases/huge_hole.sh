# SPDX-License-Identifier: Apache-2.0
# The zeros of a huge hole are uploaded when the file is closed, but nobody is kept by them: a signal
# ends the program, the file can be removed or emptied meanwhile, and the mount ends.
begin drain_timeout=2s
python3 -c 'import os, sys; fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT); os.ftruncate(fd, 200 << 30); open("cut", "w").close(); os.close(fd)' "$M/huge" &
writer=$!
wait_until 20 test -e cut
sleep 1
kill -0 $writer || fail "200 GiB were stored in a second"
kill $writer
SECONDS=0
if wait $writer; then fail "the writer was not ended"; fi
[ $SECONDS -lt 20 ] || fail "the writer ended after $SECONDS s"
assert_eq "$(stat -c %s "$M/huge")" 214748364800
rm "$M/huge"
# Killed outright, and emptied.
python3 -c 'import os, sys, time; fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT); os.ftruncate(fd, 200 << 30); open("cut2", "w").close(); time.sleep(1000)' "$M/huge" &
writer=$!
wait_until 20 test -e cut2
kill -9 $writer
if wait $writer; then fail "the writer was not killed"; fi
echo small >"$M/huge"
assert_eq "$(cat "$M/huge")" small
truncate -s 200G "$M/third" &
writer=$!
is_huge() { [ "$(stat -c %s "$M/third")" = 214748364800 ]; }
wait_until 20 is_huge
kill $writer
wait $writer || true
SECONDS=0
umount "$M"
if wait "$MOUNT_PID"; then fail "a file that could not be stored was not reported"; fi
[ $SECONDS -lt 30 ] || fail "the mount ended after $SECONDS s"
mount_at "$M"
assert_eq "$(cat "$M/huge")" small
[ ! -e "$M/third" ] || fail "a file is there that was never stored"
end
