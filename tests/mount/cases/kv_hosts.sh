# SPDX-License-Identifier: Apache-2.0
# Two mounts of one key-value bucket, one with dots as separators, through a restart of the server:
# every change is seen, one creator wins, appends of both are kept, values expire, editors work.
start_server
python3 "$TOOLS/kv.py" "$URL" k make max_age=0
A=$WORK/a B=$WORK/b
mount_kv "$A"
first=$MOUNT_PID
mount_kv "$B" kv_separator=.
second=$MOUNT_PID
python3 - "$URL" "$A" "$B" <<'P'
import errno, os, subprocess, sys, time
from concurrent.futures import ThreadPoolExecutor
from kv import Kv
url, a, b = sys.argv[1:]
kv = Kv(url)

def until(check):
    end = time.monotonic() + 10
    while not check():
        assert time.monotonic() < end, check
        time.sleep(0.01)

# The same keys, by two separators.
kv.put("sensors.kitchen/temp", b"21")
until(lambda: os.path.exists(f"{b}/sensors/kitchen=2Ftemp") and os.path.exists(f"{a}/sensors.kitchen"))
assert open(f"{a}/sensors.kitchen/temp").read() == "21"
with open(f"{b}/sensors/cellar.txt", "w") as f: f.write("9")
assert kv.get("sensors.cellar=2Etxt") == b"9"
assert open(f"{a}/sensors.cellar=2Etxt").read() == "9"
os.rename(f"{b}/sensors/cellar.txt", f"{b}/sensors/cellar")
assert open(f"{a}/sensors.cellar").read() == "9"
assert not os.path.exists(f"{a}/sensors.cellar=2Etxt")

# Of several creators one wins.
def make(path):
    try: os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError: return 0
    return 1
with ThreadPoolExecutor(6) as pool:
    for i in range(30):
        won = sum(pool.map(make, [f"{a}/lock{i}", f"{b}/lock{i}"] * 3))
        assert won == 1, (i, won)

# What is appended is kept, whoever appends.
def append(m):
    for i in range(15):
        with open(f"{m}/log", "a") as f: f.write(f"{m[-1]}{i}\n")
with ThreadPoolExecutor(2) as pool: list(pool.map(append, [a, b]))
lines = open(f"{a}/log").read().split()
assert sorted(lines) == sorted(f"{m}{i}" for m in "ab" for i in range(15)), lines
assert open(f"{b}/log").read().split() == lines

# A purge that the server announces by its call only, of a key that reads like base64.
kv.put("conf", b"x")
until(lambda: os.path.exists(f"{a}/conf") and os.path.exists(f"{b}/conf"))
kv.raw.api("STREAM.PURGE.KV_k", {"filter": "$KV.k.conf"})
until(lambda: not os.path.exists(f"{a}/conf") and "conf" not in os.listdir(b))

# Editors.
with open(f"{a}/notes", "w") as f: f.write("one\n")
for command in ("set backupcopy=no | %s/one/two/ | wq", "set backupcopy=yes | %s/two/three/ | wq"):
    subprocess.run(["vim", "-u", "NONE", "-N", "-es", "-c", command, f"{a}/notes"], check=True)
assert kv.get("notes") == b"three\n" and open(f"{b}/notes").read() == "three\n"
subprocess.run(["sed", "-i", "s/three/four/", f"{b}/notes"], check=True)
assert open(f"{a}/notes").read() == "four\n"
assert [n for n in os.listdir(a) if "notes" in n] == ["notes"], os.listdir(a)
P
kill "$SERVER_PID"
wait "$SERVER_PID" || true
(sleep 1; echo waited >"$A/during") &
writer=$!
sleep 2
start_server
wait "$writer"
assert_eq "$(python3 "$TOOLS/kv.py" "$URL" k get during)" waited
assert_eq "$(cat "$B/during" "$A/notes")" "waited
four"
unmount_and_wait "$A" "$first"
unmount_and_wait "$B" "$second"

# Values expire on our clock; the server says nothing of it.
python3 - "$URL" <<'P'
import sys
from kv import Kv
raw = Kv(sys.argv[1]).raw
raw.api("STREAM.DELETE.KV_k")
Kv(sys.argv[1]).make(max_age=3 * 10**9)
P
mount_kv "$A"
echo x >"$A/short"
[ -e "$A/short" ] || fail "gone too early"
gone() { [ ! -e "$A/short" ] && [ -z "$(ls -A "$A")" ]; }
wait_until 20 gone
unmount_and_wait "$A" "$MOUNT_PID"
