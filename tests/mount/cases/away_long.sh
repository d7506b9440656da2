# SPDX-License-Identifier: Apache-2.0
# A host is cut off while others make a thousand changes. Meanwhile it answers from memory; once it is
# back it is right within moments, contents included. AWAY= for how long, LIMIT= for how long after
# the network is back something may be wrong, both in seconds.
CHAOS=$TOOLS/../chaos
export PYTHONPATH=$TOOLS:$CHAOS
begin
first=$MOUNT_PID A=$M B=$WORK/other
server=$URL
python3 "$CHAOS/proxy.py" "$PORT" "$WORK/control" >"$WORK/proxy" &
echo $! >>"$WORK/pids"
wait_until 60 test -s "$WORK/proxy"
URL=nats://127.0.0.1:$(cat "$WORK/proxy")
mount_at "$B" offline
second=$MOUNT_PID
python3 - "$A" "$B" "$WORK/control" "${AWAY:-1}" "${LIMIT:-10}" <<'PY'
import json, os, sys, time
from pathlib import Path
from chaos import differences
from history import content

a, b, control = map(Path, sys.argv[1:4])
status = lambda: json.loads((b / ".natsobj/status").read_text())["watch"]

def wait(what, seconds, text):
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            sys.exit(f"not within {seconds} s: {text}")
        time.sleep(0.01)

for i in range(500):
    (a / f"f{i}").write_bytes(content(f"old{i}", 200))
wait(lambda: len(os.listdir(b)) == 500, 30, "all files on the second mount")
for i in range(500):
    (b / f"f{i}").read_bytes()

control.write_text("cut")
wait(lambda: status() == "disconnected", 30, "the second mount knows that it is cut off")
began = time.monotonic()
for i in range(300):
    (a / f"f{i}").write_bytes(content(f"new{i}", 300))
for i in range(300, 400):
    os.unlink(a / f"f{i}")
for i in range(400, 500):
    os.rename(a / f"f{i}", a / f"moved{i}")
for i in range(500):
    (a / f"added{i}").write_bytes(content(f"added{i}", 100))
time.sleep(max(0, float(sys.argv[4]) - (time.monotonic() - began)))
# Everything is answered, from memory.
assert len(os.listdir(b)) == 500
assert os.stat(b / "f7").st_size == 200
assert (b / "f350").read_bytes() == content("old350", 200)
assert not (b / "added7").exists()

names = sorted(os.listdir(a))
control.write_text("pass")
returned = time.monotonic()
wait(lambda: sorted(os.listdir(b)) == names, 30, "the names are those of the bucket")
shown = time.monotonic() - returned
wait(lambda: status() == "connected", 30, "the second mount knows that it is back")
back = time.monotonic() - returned
# Whatever is read from here on is right at once.
left = list(differences([a, b]))
print(f"away for {returned - began:.1f} s; after the network was back the names were right in {shown:.3f} s, "
      f"everything in {back:.3f} s; read and compared by {time.monotonic() - returned:.3f} s")
if left:
    sys.exit("\n".join(left[:20]))
if back > float(sys.argv[5]):
    sys.exit(f"right only {back:.3f} s after the network was back")
PY
unmount_and_wait "$B" "$second"
URL=$server MOUNT_PID=$first
end
