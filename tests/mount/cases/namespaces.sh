# SPDX-License-Identifier: Apache-2.0
# Three hosts, each in a network namespace of its own, and a client beside the server. One host's
# network goes: nothing is refused, packets only vanish. The others go on, and it is right soon after
# its return. AWAY= seconds.
. "$TOOLS/hosts.sh"
for i in 1 2 3; do host_make "$i" || skip "network namespaces cannot be made here"; done
start_server -js -a 0.0.0.0
local_url=nats://127.0.0.1:$PORT
pids=()
for i in 1 2 3; do
  URL=nats://$(host_server "$i"):$PORT
  host_mount "$i" "$WORK/m$i" offline
  pids+=("$MOUNT_PID")
done
python3 - "$local_url" "$(host_link 2)" "${AWAY:-4}" "$WORK" <<'P'
import json, os, subprocess, sys, time, raw
url, link, away, work = sys.argv[1:]
mounts = [f"{work}/m{i}" for i in (1, 2, 3)]
cut_off = mounts[1]
client = raw.Raw(url)

def wait(what, text, seconds=60):
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end: sys.exit(f"not within {seconds} s: {text}")
        time.sleep(0.005)
def content(mount, name):
    try:
        with open(f"{mount}/{name}") as f: return f.read()
    except FileNotFoundError: return None
def everywhere(name, text, hosts=mounts):
    for m in hosts: wait(lambda: content(m, name) == text, f"{m}/{name} is {text}")

for i, m in enumerate(mounts):
    with open(f"{m}/of{i}", "w") as f: f.write("old")
    everywhere(f"of{i}", "old")
client.put("foreign", [b"old"])
everywhere("foreign", "old")
began = time.monotonic()
subprocess.run(["ip", "link", "set", link, "down"], check=True)
others = [mounts[0], mounts[2]]
for i in range(100):
    with open(f"{others[i % 2]}/new{i}", "w") as f: f.write("new")
with open(f"{others[0]}/of1", "w") as f: f.write("newer")
os.unlink(f"{others[1]}/of0")
client.put("foreign", [b"newer"])
everywhere("of1", "newer", others)
everywhere("foreign", "newer", others)
# From memory, or not at all, but never for long.
assert sorted(os.listdir(cut_off)) == ["foreign", "of0", "of1", "of2"], os.listdir(cut_off)
time.sleep(max(0, float(away) - (time.monotonic() - began)))
subprocess.run(["ip", "link", "set", link, "up"], check=True)
back = time.monotonic()
names = sorted(os.listdir(others[0]))
wait(lambda: sorted(os.listdir(cut_off)) == names, "the names are right")
shown = time.monotonic()
everywhere("of1", "newer")
everywhere("foreign", "newer")
print(f"away {back - began:.1f} s, right {time.monotonic() - back:.2f} s after (names {shown - back:.2f} s)")
P
for i in 3 2 1; do unmount_and_wait "$WORK/m$i" "${pids[$((i - 1))]}"; done
