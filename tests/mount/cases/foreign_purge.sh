# SPDX-License-Identifier: Apache-2.0
# A client purges metadata: no event tells of it, and yet the names go at once, also those the kernel
# knows. What is open goes on; what is stored under the name afterwards is there.
begin
first=$MOUNT_PID A=$M B=$WORK/other
mount_at "$B"
second=$MOUNT_PID
mkdir "$A/d"
for i in 1 2 3 4 5 6; do echo "content $i" >"$A/d/f$i"; done
wait_until 20 test -e "$B/d/f6"
python3 - "$URL" "$A" "$B" <<'P'
import os, sys, time, raw
url, a, b = sys.argv[1:]
r = raw.Raw(url)

def gone(name):
    began = time.monotonic()
    for m in a, b:
        while os.path.exists(f"{m}/{name}") or os.path.basename(name) in os.listdir(f"{m}/d"):
            assert time.monotonic() - began < 20, f"{m}/{name} is still there"
            time.sleep(0.001)
    print(f"{name} gone after {(time.monotonic() - began) * 1e3:.1f} ms")

for m in a, b:
    for i in range(1, 7): os.stat(f"{m}/d/f{i}")
with open(f"{b}/d/f1") as f:
    r.purge_meta("d/f1")
    gone("d/f1")
    assert f.read() == "content 1\n"
# A name that was purged and stored again.
r.purge_meta("d/f2")
r.put("d/f2", [b"again"])
end = time.monotonic() + 20
for m in a, b:
    while open(f"{m}/d/f2").read() != "again": assert time.monotonic() < end
# As natsobj itself removes replaced versions: the newest stays.
seq = r.get_meta("d/f3")[1]
r.api("STREAM.PURGE.OBJ_b", {"filter": "$O.b.M.ZC9mMw==", "seq": seq})
r.purge_meta("d/f4")
gone("d/f4")
assert open(f"{b}/d/f3").read() == "content 3\n"
# A message deleted by its number, of which the server does not say what it was.
for i in 7, 8, 9:
    with open(f"{a}/d/f{i}", "w") as f: f.write("content")
for m in a, b:
    while not os.path.exists(f"{m}/d/f9"): assert time.monotonic() < end + 20
for i in 7, 9:
    r.api("STREAM.MSG.DELETE.OBJ_b", {"seq": r.get_meta(f"d/f{i}")[1]})
gone("d/f7")
gone("d/f9")
assert os.path.exists(f"{a}/d/f8") and os.path.exists(f"{b}/d/f8")
# All of them.
began = time.monotonic()
r.purge_subject("$O.b.M.>")
for m in a, b:
    while os.listdir(m): assert time.monotonic() - began < 20, os.listdir(m)
print(f"all gone after {(time.monotonic() - began) * 1e3:.1f} ms")
open(f"{a}/new", "w").write("new")
while not os.path.exists(f"{b}/new"): assert time.monotonic() - began < 40
P
unmount_and_wait "$B" "$second"
MOUNT_PID=$first
end
