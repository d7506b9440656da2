# SPDX-License-Identifier: Apache-2.0
# Three hosts, each in a network namespace of its own, and a client beside the server. One host's
# network goes: nothing is refused, packets only vanish. The others go on, and it is right soon after
# its return. AWAY= seconds.
command -v ip >/dev/null && command -v nsenter >/dev/null || skip "ip or nsenter is not installed"
tag=no$$
net=10.$((RANDOM % 200 + 20))
leave() { for i in 1 2 3; do ip netns del "$tag-$i" 2>/dev/null || true; done; }
trap leave EXIT
for i in 1 2 3; do
  ip netns add "$tag-$i" 2>/dev/null || skip "network namespaces cannot be made here"
  ip link add "$tag-$i" type veth peer name eth0 netns "$tag-$i" || skip "veth pairs cannot be made here"
  ip address add "$net.$i.1/30" dev "$tag-$i"
  ip link set "$tag-$i" up
  ip -n "$tag-$i" address add "$net.$i.2/30" dev eth0
  ip -n "$tag-$i" link set eth0 up
  ip -n "$tag-$i" link set lo up
done
start_server -js -a 0.0.0.0
local_url=nats://127.0.0.1:$PORT
daemon=$MOUNT
pids=()
for i in 1 2 3; do
  printf '#!/bin/sh\nexec nsenter --net=/run/netns/%s "%s" "$@"\n' "$tag-$i" "$daemon" >"$WORK/host$i"
  chmod +x "$WORK/host$i"
  MOUNT=$WORK/host$i URL=nats://$net.$i.1:$PORT
  mount_at "$WORK/m$i" offline
  pids+=("$MOUNT_PID")
done
python3 - "$local_url" "$tag-2" "${AWAY:-4}" "$WORK" <<'P'
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


others=[mounts[0],mounts[2]]
ns=link
def snap(t):
    o=subprocess.run(["nsenter","--net=/run/netns/"+ns,"sh","-c","ss -Htn; ip neigh; ip -o link show eth0"],capture_output=True,text=True).stdout
    return o
for rnd,away in enumerate([26+i*1.13 for i in range(12)]):
    began=time.monotonic()
    subprocess.run(["ip","link","set",link,"down"],check=True)
    for i in range(1000):
        with open(f"{others[i%2]}/n{rnd}-{i}","w") as f: f.write("new")
    time.sleep(max(0,away-(time.monotonic()-began)))
    before=snap(0)
    subprocess.run(["ip","link","set",link,"up"],check=True)
    back=time.monotonic()
    names=sorted(os.listdir(others[0]))
    tl=[]
    last=""
    while sorted(os.listdir(cut_off))!=names:
        s=snap(0)
        k=(s.count('SYN'),s.count('ESTAB'),s.split('dev eth0')[1].split()[0:3][-1]);
        if k!=last: tl.append((time.monotonic()-back,k)); last=k
        time.sleep(.02)
    print(f"=== away {away}: names {time.monotonic()-back:.2f}")
    print("before:",before)
    for t,s in tl: print(f"--{t:.3f}\n{s}")
    sys.stdout.flush()
    time.sleep(2)

P
for i in 3 2 1; do unmount_and_wait "$WORK/m$i" "${pids[$((i - 1))]}"; done
