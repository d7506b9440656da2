# SPDX-License-Identifier: Apache-2.0
# A server that lets everybody in and answers nothing: the mount says so in bounded time, although
# later it would wait for its server for ever.
cat >silent.py <<'P'
import os, socket, threading
s = socket.create_server(("127.0.0.1", 0))
open("port.new", "w").write(str(s.getsockname()[1]))
os.rename("port.new", "port")
def serve(c):
    c.sendall(b'INFO {"server_id":"x","version":"2.9.10","proto":1,"headers":true,"max_payload":1048576,"jetstream":true}\r\n')
    for line in c.makefile("rb"):
        if line.startswith(b"PING"): c.sendall(b"PONG\r\n")
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
P
python3 silent.py & echo $! >>"$WORK/pids"
wait_until 20 test -s port
mkdir m
status=0
out=$(timeout -s KILL 90 "$MOUNT" "nats://127.0.0.1:$(cat port)/b" m -f -o "timeout=1s,cache_dir=$WORK/cache" 2>&1) || status=$?
assert_eq "$status" 32
case $out in *"no answer from JetStream on nats://127.0.0.1"*) ;; *) fail "$out" ;; esac
