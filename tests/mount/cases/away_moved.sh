# SPDX-License-Identifier: Apache-2.0
# A file that moves on and on while a mount is cut off is never absent there, not even when the mount
# was just about to ask for one of its names.
CHAOS=$TOOLS/../chaos
start_server
direct=$URL
python3 "$CHAOS/proxy.py" "$PORT" "$WORK/control" >"$WORK/proxy" &
echo $! >>"$WORK/pids"
wait_until 60 test -s "$WORK/proxy"
URL=nats://127.0.0.1:$(cat "$WORK/proxy")
M=$WORK/m
mount_at "$M"
cat >move.py <<'EOF'
import base64, os, sys, threading, time
from raw import Raw

url, m, control = sys.argv[1:]
raw = Raw(url)
# The listing takes its time.
for i in range(1500):
    raw.meta(f"many/{i}", {"name": f"many/{i}", "bucket": "b", "nuid": f"n{i}", "size": 0, "chunks": 0})
raw.put("d/x0", [b"content"])
end = time.monotonic() + 20
while not os.path.exists(f"{m}/many/1499") or os.listdir(f"{m}/d") != ["x0"]:
    assert time.monotonic() < end, "not shown"
    time.sleep(0.01)

empty, done = [], False
def observe():
    while not done:
        if not os.listdir(f"{m}/d"):
            empty.append(time.monotonic())
observer = threading.Thread(target=observe)
observer.start()

def way(word, seconds):
    with open(control, "w") as f:
        f.write(word)
    time.sleep(seconds)

at = 0
def move():
    global at
    info, seq = raw.get_meta(f"d/x{at}")
    at += 1
    raw.meta(f"d/x{at}", dict(info, name=f"d/x{at}", metadata={"posix.from": f"d/x{at - 1}@{seq}"}))
    raw.meta(f"d/x{at - 1}", {"name": f"d/x{at - 1}", "bucket": "b", "nuid": f"t{at}", "size": 0,
                              "chunks": 0, "deleted": True})

for i in range(3):
    # A message that the server refuses is announced, and no event follows: the mount asks for it.
    info, _ = raw.get_meta(f"d/x{at}")
    token = base64.urlsafe_b64encode(f"d/x{at}".encode()).decode()
    raw.request(f"$O.b.M.{token}", b"refused", {"Nats-Expected-Last-Subject-Sequence": "1"})
    time.sleep(0.1)
    way("stall", 1.5)
    way("cut", 0.2)
    for _ in range(5):
        move()
    way("pass", 0)
    end = time.monotonic() + 20
    while os.listdir(f"{m}/d") != [f"x{at}"]:
        assert time.monotonic() < end, os.listdir(f"{m}/d")
        time.sleep(0.01)
done = True
observer.join()
assert not empty, f"neither name {len(empty)} times"
EOF
python3 move.py "$direct" "$M" "$WORK/control" || fail "moved while the mount was away"
end
