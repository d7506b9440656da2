# SPDX-License-Identifier: Apache-2.0
# Renames and exchanges of directories with more or less room in the bucket: all or nothing, for this
# mount, for others, and for the next one.
# long
begin "bucket_size=8M,purge_delay=0s"
first=$MOUNT_PID
B=$WORK/other
mount_at "$B"
second=$MOUNT_PID
mkdir "$M/filler" "$M/many" "$M/few" "$M/empty"
for i in $(seq 200); do echo "$i" >"$M/many/$i"; done
for i in 1 2 3; do echo "few $i" >"$M/few/$i"; done
echo file >"$M/file"
cat >renames.py <<'P'
import ctypes, errno, os, sys, time
m, other = sys.argv[1:]
os.chdir(m)
libc = ctypes.CDLL(None, use_errno=True)
def exchange(a, b):
    if libc.renameat2(-100, a.encode(), -100, b.encode(), 2):
        raise OSError(ctypes.get_errno(), f"exchange {a} {b}")
fillers = []
def fill(sizes):
    for size in sizes:
        while True:
            path = f"filler/{len(fillers)}"
            try:
                with open(path, "wb", buffering=0) as f: f.write(os.urandom(size))
            except OSError as e:
                assert e.errno == errno.ENOSPC, e
                break
            fillers.append((path, size))
def tree(top):
    seen = {}
    for where, dirs, files in os.walk(top):
        if "filler" in dirs: dirs.remove("filler")
        for d in dirs: seen[os.path.relpath(os.path.join(where, d), top)] = None
        for f in files: seen[os.path.relpath(os.path.join(where, f), top)] = open(os.path.join(where, f)).read()
    return seen
def moved(state, swaps):
    result = {}
    for path, content in state.items():
        first, *rest = path.split("/")
        result["/".join([swaps.get(first, first)] + rest)] = content
    return result
def settled(top, wanted):
    end = time.monotonic() + 20
    while tree(top) != wanted:
        got = tree(top)
        assert time.monotonic() < end, (len(got), len(wanted), sorted(set(got) ^ set(wanted))[:6])
        time.sleep(0.1)
done = {"went well": 0, "refused": 0}
def attempt(call, a, b):
    before = tree(".")
    try: call(a, b)
    except OSError as e:
        assert e.errno == errno.ENOSPC, e
        done["refused"] += 1
        wanted = before
    else:
        done["went well"] += 1
        swaps = {a: b, b: a} if call is exchange else {a: b}
        if call is os.rename: before.pop(b, None)
        wanted = moved(before, swaps)
    assert tree(".") == wanted, (call.__name__, a, b, sorted(set(tree(".")) ^ set(wanted))[:6])
    settled(other, wanted)
    return wanted is not before
def free(room):
    freed = 0
    while freed < room and fillers:
        path, size = fillers.pop()
        os.unlink(path)
        freed += size + 700
    time.sleep(0.3)  # the chunks are purged behind the removal
def back(call, a, b):
    while not attempt(call, a, b): free(20000)
fill((1 << 18, 1 << 15, 1 << 12, 0))
# Ever more room.
for room in (0, 1000, 4000, 20000, 60000, 120000, 200000, 400000, 800000):
    free(room)
    if attempt(os.rename, "many", "moved"): back(os.rename, "moved", "many")
    if attempt(os.rename, "many", "empty"): back(os.rename, "empty", "many"); os.mkdir("empty")
    for a, b in ("many", "few"), ("few", "many"), ("many", "file"), ("file", "few"):
        if attempt(exchange, a, b): back(exchange, a, b)
assert done["refused"] > 3 and done["went well"] > 3, done
print(done)
open(os.path.dirname(m) + "/wanted", "w").write(repr(sorted(tree(".").items())))
P
python3 renames.py "$M" "$B"
unmount_and_wait "$B" "$second"
unmount_and_wait "$M" "$first"
mount_at "$M"
python3 - "$M" <<'P'
import os, sys
seen = {}
for where, dirs, files in os.walk(sys.argv[1]):
    if "filler" in dirs: dirs.remove("filler")
    for d in dirs: seen[os.path.relpath(os.path.join(where, d), sys.argv[1])] = None
    for f in files: seen[os.path.relpath(os.path.join(where, f), sys.argv[1])] = open(os.path.join(where, f)).read()
assert repr(sorted(seen.items())) == open("wanted").read()
P
[ ! -s log.other ] || ! grep -i "only in part" log.m log.other || fail "see above"
end
