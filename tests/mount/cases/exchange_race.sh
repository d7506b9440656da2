# SPDX-License-Identifier: Apache-2.0
# Two mounts that exchange the same files at once: no content is lost or doubled, no read is a mixture,
# and both, and a fresh mount, agree.
begin
first=$MOUNT_PID
B=$WORK/other
mount_at "$B"
second=$MOUNT_PID
cat >race.py <<'P'
import ctypes, os, random, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
mounts, names = sys.argv[1:], ["x", "y", "z"]
def exchange(a, b):
    if libc.renameat2(-100, a.encode(), -100, b.encode(), 2):
        e = ctypes.get_errno()
        raise OSError(e, os.strerror(e), f"{a} {b}")
def get(path):
    with open(path, "rb") as f: return f.read()
# Each of its own length, one of more than a page.
contents = [b"x" * 12, b"yy", b"z" * 9000]
for name, content in zip(names, contents):
    with open(f"{mounts[0]}/{name}", "wb") as f: f.write(content)
for m in mounts:
    while any(not os.path.exists(f"{m}/{n}") for n in names): time.sleep(0.02)
torn, errors, count, end = [], [], [0, 0], time.monotonic() + 3
def write(i):
    r = random.Random(i)
    while time.monotonic() < end or count[i] < 10:
        a, b = r.sample(names, 2)
        try:
            exchange(f"{mounts[i]}/{a}", f"{mounts[i]}/{b}")
            count[i] += 1
        except OSError as e:
            errors.append((i, e))
            return
def read(i):
    while time.monotonic() < end:
        for n in names:
            got = get(f"{mounts[i]}/{n}")
            if got not in contents: torn.append((i, n, len(got), got[:20], got[-20:]))
threads = [threading.Thread(target=f, args=(i,)) for i in range(2) for f in (write, read)]
for t in threads: t.start()
for t in threads: t.join()
assert not errors, errors
assert not torn, (len(torn), torn[:5])
def state(): return [[get(f"{m}/{n}") for n in names] for m in mounts]
end = time.monotonic() + 20
while state()[0] != state()[1]:
    assert time.monotonic() < end, [[c[:1] for c in s] for s in state()]
    time.sleep(0.05)
got = state()[0]
assert sorted(got) == sorted(contents), [c[:20] for c in got]
for m in mounts: assert sorted(os.listdir(m)) == names, os.listdir(m)
P
timeout 60 python3 race.py "$M" "$B" >said || fail "$(cat said)"
cp -r "$M" before
unmount_and_wait "$M" "$first"
mount_at "$M"
first=$MOUNT_PID
diff -r before "$M" || fail "a fresh mount shows something else"
unmount_and_wait "$B" "$second"
MOUNT_PID=$first
end
