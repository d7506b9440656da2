# SPDX-License-Identifier: Apache-2.0
# With soft, a server that goes away in the middle of a long write and of a long read is ETIMEDOUT for
# both; what was there stays, and when the server is back all goes on.
begin soft,timeout=2s,connect_timeout=1s,memory=32M
head -c 150M /dev/urandom >big
cp big "$M/big"
echo old >"$M/target"
cat >transfer.py <<'P'
import errno, os, sys
kind, path, go = sys.argv[1:]
try:
    if kind == "write":
        with open(path, "wb", buffering=0) as f:
            for i in range(4000):
                f.write(os.urandom(1 << 18))
                if i == 40: open(go, "w").close()
    else:
        with open(path, "rb", buffering=0) as f:
            for i in range(600):
                if not f.read(1 << 18): f.seek(0)
                # The kernel keeps what was read; only what was not needs the server.
                if i == 40: open(go, "w").close()
                if i > 40: os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
except OSError as e:
    print(errno.errorcode[e.errno])
    sys.exit(0)
sys.exit("no error")
P
python3 transfer.py write "$M/target" wrote >write.out & writer=$!
python3 transfer.py read "$M/big" read >read.out & reader=$!
wait_until 60 test -e wrote
wait_until 60 test -e read
kill -9 "$SERVER_PID"
wait "$writer" || fail "the write went on without a server"
wait "$reader" || fail "the read went on without a server"
assert_eq "$(cat write.out)" ETIMEDOUT
assert_eq "$(cat read.out)" ETIMEDOUT
start_server
is_back() { [ "$(cat "$M/target")" = old ]; }
wait_until 30 is_back
same big "$M/big"
echo new >"$M/target"
assert_eq "$(cat "$M/target")" new
end
