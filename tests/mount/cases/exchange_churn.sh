# SPDX-License-Identifier: Apache-2.0
# Two hosts exchange directories, and the files in them, at once: in the end both show the same, as a
# fresh mount does, and every content has one name. SEED=, DURATION= (seconds).
seed=${SEED:-$RANDOM}
echo "seed $seed"
begin
first=$MOUNT_PID
B=$WORK/other
mount_at "$B"
second=$MOUNT_PID
cat >churn.py <<'P'
from raw import Raw
import collections, ctypes, errno, itertools, os, random, sys, threading, time
seed, seconds, mounts = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
libc = ctypes.CDLL(None, use_errno=True)
DIRS, FILES = "DE", 10
# What a busy neighbour leaves to meet: a path that led elsewhere meanwhile, a name that was changed
# all the time.
EXPECTED = {errno.ENOENT, errno.ESTALE, errno.EBUSY}

def exchange(a, b):
    if libc.renameat2(-100, os.fsencode(a), -100, os.fsencode(b), 2):
        e = ctypes.get_errno()
        if e not in EXPECTED: raise OSError(e, os.strerror(e), f"{a} {b}")

def content(d, i):
    return f"{d}{i} ".encode() * (1 if i % 2 else 4000)

def tree(top):
    found = {}
    for d in DIRS:
        for name in os.listdir(f"{top}/{d}"):
            try:
                with open(f"{top}/{d}/{name}", "rb") as f: found[f"{d}/{name}"] = f.read()
            except OSError as e: found[f"{d}/{name}"] = e.strerror
    return found

def dump(name):
    info, seq = Raw(os.environ["URL"]).get_meta(name)
    return info and (seq, info["nuid"], info.get("digest", "")[8:14], info.get("deleted"), info.get("metadata"))

def work(top, seed, errors):
    r = random.Random(seed)
    path = lambda: f"{top}/{r.choice(DIRS)}/f{r.randrange(FILES)}"
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            if r.random() < 0.15: exchange(f"{top}/D", f"{top}/E")
            else: exchange(path(), path())
    except OSError as e: errors.append(e)

if seconds:
    for d in DIRS:
        os.mkdir(f"{mounts[0]}/{d}")
        for i in range(FILES):
            with open(f"{mounts[0]}/{d}/f{i}", "wb") as f: f.write(content(d, i))
    for m in mounts:
        while not os.path.exists(f"{m}/E/f{FILES - 1}"): time.sleep(0.02)
    errors = []
    workers = [threading.Thread(target=work, args=(m, seed * 10 + i, errors)) for i, m in enumerate(mounts)]
    for w in workers: w.start()
    for w in workers: w.join()
    assert not errors, errors
wanted = collections.Counter(content(d, i) for d in DIRS for i in range(FILES))
end = time.monotonic() + int(os.environ.get('WAIT', '60'))
while True:
    trees = [tree(m) for m in mounts]
    found = collections.Counter(trees[0].values())
    if all(t == trees[0] for t in trees) and found == wanted: break
    if time.monotonic() > end:
        for t in trees[1:]: print("differ", sorted({n for n, _ in trees[0].items() ^ t.items()}))
        print("missing", [c[:8] for c in wanted - found], "more", [(c[:8], [n for n, x in trees[0].items() if x == c]) for c in found - wanted])
        for name in sorted(set().union(*trees, (f"{d}/f{i}" for d in DIRS for i in range(FILES)))): print(name, [t.get(name, "-")[:3] for t in trees], dump(name))
        sys.exit(1)
    time.sleep(0.1)
P
export URL
python3 churn.py "$seed" "${DURATION:-3}" "$M" "$B"
mount_at "$WORK/third"
python3 churn.py "$seed" 0 "$M" "$B" "$WORK/third"
umount "$WORK/third"
unmount_and_wait "$B" "$second"
end
