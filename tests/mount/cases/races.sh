# SPDX-License-Identifier: Apache-2.0
# 32 processes on three mounts race for the same new names, by each call that makes one: one wins.
begin
first=$MOUNT_PID
mount_at "$WORK/m2"; second=$MOUNT_PID
mount_at "$WORK/m3"; third=$MOUNT_PID
python3 - "$M" "$WORK/m2" "$WORK/m3" <<'PY'
import collections, ctypes, errno, os, sys, time

mounts, libc = sys.argv[1:], ctypes.CDLL(None, use_errno=True)
PROCESSES, KINDS = 32, ("excl", "mkdir", "symlink", "move", "link")

def make(kind, mount, number, name):
    path, own = f"{mount}/{name}", f"{mount}/own/{number}"
    if kind == "excl":
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
    elif kind == "mkdir":
        os.mkdir(path)
    elif kind == "symlink":
        os.symlink(str(number), path)
    elif kind == "link":
        os.link(own, path)
    elif libc.renameat2(-100, own.encode(), -100, path.encode(), 1) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

def race(number, results, ready, go):
    mount = mounts[number % len(mounts)]
    for kind in ("move", "link"):
        open(f"{mount}/own/{number}-{kind}", "w").close()
    os.write(ready, b"x")
    os.read(go, 1)
    words = []
    for round_ in range(3):
        for kind in KINDS:
            own = f"{number}-{kind}" if kind in ("move", "link") else number
            try:
                make(kind, mount, own, f"race/{kind}-{round_}")
                words.append(f"{kind}-{round_}=won")
                if kind == "move":
                    open(f"{mount}/own/{number}-{kind}", "w").close()
            except OSError as e:
                words.append(f"{kind}-{round_}=" + ("lost" if e.errno == errno.EEXIST else errno.errorcode[e.errno]))
    os.write(results, (" ".join(words) + "\n").encode())
    os._exit(0)

os.mkdir(f"{mounts[0]}/race")
os.mkdir(f"{mounts[0]}/own")
for m in mounts:
    while not (os.path.isdir(f"{m}/own") and os.path.isdir(f"{m}/race")):
        time.sleep(0.01)
result_pipe, ready_pipe, go_pipe = os.pipe(), os.pipe(), os.pipe()
for number in range(PROCESSES):
    if os.fork() == 0:
        os.close(go_pipe[1])
        race(number, result_pipe[1], ready_pipe[1], go_pipe[0])
for _ in range(PROCESSES):
    os.read(ready_pipe[0], 1)
os.close(go_pipe[0])
os.close(go_pipe[1])  # everybody's read returns
for _ in range(PROCESSES):
    os.wait()
os.close(result_pipe[1])
lines = os.fdopen(result_pipe[0]).read().splitlines()
assert len(lines) == PROCESSES, f"{len(lines)} reported"
outcomes = collections.defaultdict(collections.Counter)
for line in lines:
    for word in line.split():
        name, _, outcome = word.partition("=")
        outcomes[name][outcome] += 1
bad = {n: dict(c) for n, c in outcomes.items() if c["won"] != 1 or c["lost"] != PROCESSES - 1}
supported = {n: c for n, c in bad.items() if not (n.startswith("link") and c.get("won", 0) == 0)}
print({n: dict(c) for n, c in outcomes.items()})
sys.exit(f"not one winner: {supported}" if supported else 0)
PY
unmount_and_wait "$WORK/m3" "$third"
unmount_and_wait "$WORK/m2" "$second"
MOUNT_PID=$first
end
