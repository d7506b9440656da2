# SPDX-License-Identifier: Apache-2.0
# The server is killed while a changed file is stored, which reads the old version and uploads the new
# one. With soft, and no server, the writer is told, by every later call until the last close, and
# the old content is there.
begin
head -c 96M /dev/urandom >big
cp big "$M/big"
cat >change.py <<'P'
import os, sys
for path in sys.argv[1:]:
    fd = os.open(path, os.O_RDWR)
    for i in range(96):
        os.pwrite(fd, b"change %d" % i, (i << 20) + 1000 * i)
    open("changed", "w").close()
    os.close(fd)
P
python3 change.py big
rm changed
python3 change.py "$M/big" &
writer=$!
wait_until 20 test -e changed
for i in 1 2; do
  sleep 0.2
  kill -9 "$SERVER_PID"
  sleep 0.5
  start_server
done
wait $writer || fail "the change could not be stored"
cmp big "$M/big" || fail "the change was stored wrongly"
umount "$M" && wait "$MOUNT_PID"
mount_at "$M" soft,timeout=2s,connect_timeout=1s
same big "$M/big"
python3 - "$M/big" "$SERVER_PID" <<'P'
import errno, os, signal, sys
path, server = sys.argv[1], int(sys.argv[2])
fd = os.open(path, os.O_RDWR)
second = os.dup(fd)
os.pwrite(fd, b"lost", 12345)
os.kill(server, signal.SIGKILL)
def must_fail(call):
    try: call()
    except OSError as e: assert e.errno in (errno.ETIMEDOUT, errno.ENOTCONN), e
    else: sys.exit("no error without a server")
must_fail(lambda: os.fsync(fd))
must_fail(lambda: os.pwrite(fd, b"more", 0))
must_fail(lambda: os.fsync(second))
must_fail(lambda: os.close(fd))
must_fail(lambda: os.close(second))
P
start_server
is_back() { cmp -s big "$M/big"; }
wait_until 60 is_back
echo again >"$M/again"
assert_eq "$(cat "$M/again")" again
end
