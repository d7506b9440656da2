# SPDX-License-Identifier: Apache-2.0
# long
# The server of a bucket with a million names works for half a minute, and more, before a listing
# begins; many versions answer nothing meanwhile on the connection that asked, pings included. The
# mount waits for it, with its other connections in use, and serves readers.
start_server
"$NATSOBJ" add --server "$URL" b >/dev/null
echo content | "$NATSOBJ" put --server "$URL" --name file b - >/dev/null 2>&1

cat >busy.py <<'P'
"""Passes connections on to port argv[1]. One that asks for a listing is held up for argv[2] seconds,
in both directions, as by a server that works on it."""
import os, socket, sys, threading, time
HOLD = float(sys.argv[2])

def pump(source, to, hold, is_client):
    try:
        while data := source.recv(1 << 16):
            if is_client and (b"last_per_subject" in data or b'"deliver_policy":"all"' in data):
                open("held", "a").write("held\n")
                hold["until"] = time.monotonic() + HOLD
            while (left := hold["until"] - time.monotonic()) > 0:
                time.sleep(left)
            to.sendall(data)
    except OSError:
        pass
    for s in (source, to):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

listener = socket.create_server(("127.0.0.1", 0))
open("port.new", "w").write(str(listener.getsockname()[1]))
os.rename("port.new", "port")
while True:
    client = listener.accept()[0]
    server = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    hold = {"until": 0.0}
    threading.Thread(target=pump, args=(client, server, hold, True), daemon=True).start()
    threading.Thread(target=pump, args=(server, client, hold, False), daemon=True).start()
P
python3 busy.py "$PORT" 36 & echo $! >>"$WORK/pids"
wait_until 20 test -s port

# Three pings of ten seconds are what the other connections allow a server.
mkdir -p m
M=$WORK/m
"$MOUNT" "nats://127.0.0.1:$(cat port)/b" m -f -o "cache_dir=$WORK/cache" >log.m 2>&1 &
MOUNT_PID=$!
echo "$MOUNT_PID" >>"$WORK/pids"
wait_until 100 is_mounted_or_dead m "$MOUNT_PID"
mountpoint -q m || fail "the daemon ended: $(tail -n 1 log.m)"
assert_eq "$(cat m/file)" content
is_listed() { grep -q '"listing":false' m/.natsobj/status; }
wait_until 100 is_listed
assert_eq "$(wc -l <held)" 1
if grep "lost" log.m; then fail "a connection was given up"; fi

end
