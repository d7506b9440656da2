# SPDX-License-Identifier: Apache-2.0
# A mount whose first listing is slow serves readers before it has come, with what the bucket has at
# that moment; whoever changes something waits.
begin
mkdir -p m/d/sub m/empty
echo content >m/d/file
echo two >m/d/two
echo gone >m/d/gone
rm m/d/gone
ln -s file m/d/link
setfattr -n user.note -v hello m/d/file
chmod 640 m/d/file
echo implied | "$NATSOBJ" put --server "$URL" --name only/by/name b - >/dev/null 2>&1
wait_until 10 test -f m/only/by/name

cat >hold.py <<'P'
"""Passes connections on to port argv[1]. What a consumer delivers is held back as long as there is no
file "release"."""
import os, socket, sys, threading, time

def is_delivery(line, payload):
    return b" $JS.ACK." in line or b"Nats-Last-Consumer" in payload or b"FlowControl" in payload

class Back(threading.Thread):
    """From the server to the client."""
    def __init__(self, server, client):
        super().__init__(daemon=True)
        self.server, self.client = server, client
        self.held, self.lock = [], threading.Lock()

    def flush(self):
        with self.lock:
            if self.held and os.path.exists("release"):
                self.client.sendall(b"".join(self.held))
                self.held = []

    def poll(self):
        try:
            while True:
                self.flush()
                time.sleep(0.02)
        except OSError:
            pass

    def run(self):
        threading.Thread(target=self.poll, daemon=True).start()
        source = self.server.makefile("rb")
        try:
            while line := source.readline():
                payload = b""
                if line.startswith((b"MSG ", b"HMSG ")):
                    payload = source.read(int(line.split()[-1]) + 2)
                with self.lock:
                    if is_delivery(line, payload) and (self.held or not os.path.exists("release")):
                        self.held.append(line + payload)
                        open("held", "a").write("held\n")
                    else:
                        self.client.sendall(line + payload)
        except OSError:
            pass
        shut(self.server, self.client)

def shut(*sockets):
    for s in sockets:
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

def forth(client, server):
    try:
        while data := client.recv(1 << 16):
            server.sendall(data)
    except OSError:
        pass
    shut(server, client)

listener = socket.create_server(("127.0.0.1", 0))
open("port.new", "w").write(str(listener.getsockname()[1]))
os.rename("port.new", "port")
while True:
    client = listener.accept()[0]
    server = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    threading.Thread(target=forth, args=(client, server), daemon=True).start()
    Back(server, client).start()
P
python3 hold.py "$PORT" & echo $! >>"$WORK/pids"
wait_until 20 test -s port

mount_early() {
  mkdir -p e
  "$MOUNT" "nats://127.0.0.1:$(cat port)/b" e -f -o "cache_dir=$WORK/cache.e" >>log.e 2>&1 &
  EARLY_PID=$!
  echo "$EARLY_PID" >>"$WORK/pids"
  wait_until 20 is_mounted_or_dead e "$EARLY_PID"
  mountpoint -q e || fail "the daemon ended: $(tail -n 1 log.e)"
}
is_listing() { grep -q '"listing":true' e/.natsobj/status; }

# --- what is known is there, whole, and nothing else ---
mount_early
is_listing || fail "nothing is being listed: $(cat e/.natsobj/status)"
test -s held || fail "nothing was held back"
assert_eq "$(cat e/d/file)" content
assert_eq "$(cat e/only/by/name)" implied
assert_eq "$(readlink e/d/link)" file
assert_eq "$(cat e/d/link)" content
assert_eq "$(getfattr --only-values -n user.note e/d/file)" hello
assert_eq "$(stat -c %a e/d/file)" 640
must_fail "No such file" cat e/d/gone
must_fail "No such file" cat e/none
assert_eq "$(ls -x e/d)" "file  link  sub  two"
assert_eq "$(ls -x e)" "d  empty  only"
assert_eq "$(find e/d -size -2 -name two -printf "%s %y")" "4 f"
test -z "$(ls e/empty)" || fail "something is in e/empty"
df e >df.txt

# --- so is what another host changes ---
echo newer >m/d/file
rm m/d/two
mkdir m/fresh
echo born >m/fresh/file
mv m/d/link m/d/renamed
assert_eq "$(cat e/d/file)" newer
must_fail "No such file" cat e/d/two
test ! -L e/d/link || fail "e/d/link is still there"
assert_eq "$(cat e/fresh/file)" born
assert_eq "$(ls -x e/d)" "file  renamed  sub"
assert_eq "$(ls -x e)" "d  empty  fresh  only"

# --- who writes waits ---
(echo written >e/d/written) & writer=$!
(mkdir e/made) & maker=$!
timeout -s KILL 1 sh -c 'echo never >e/d/killed' 2>/dev/null && fail "a write did not wait"
test ! -e m/d/written || fail "a write did not wait"
test ! -e m/made || fail "mkdir did not wait"
is_listing || fail "the listing is over"
: >release
wait "$writer" || fail "the write that waited failed"
wait "$maker" || fail "mkdir that waited failed"
assert_eq "$(cat m/d/written)" written
test -d m/made || fail "m/made is not there"
is_listing && fail "the listing is not over"
assert_eq "$(ls -x e)" "d  empty  fresh  made  only"
unmount_and_wait e "$EARLY_PID"

# --- and it can be unmounted ---
rm release
mount_early
is_listing || fail "nothing is being listed"
assert_eq "$(cat e/d/file)" newer
unmount_and_wait e "$EARLY_PID"
mount_early
# Nobody can look up names in a directory in which somebody waits for one to be made.
(echo never >e/d/late) 2>/dev/null & writer=$!
assert_eq "$(cat e/only/by/name)" implied
kill "$EARLY_PID"
wait "$EARLY_PID" || fail "the daemon ended with status $?"
if wait "$writer"; then fail "a write succeeded"; fi
test ! -e m/d/late || fail "m/d/late was written"
end
