# SPDX-License-Identifier: Apache-2.0
# Of several creators on two mounts exactly one wins, for files and for directories, and for a file and
# a directory of one name, however the file is made. Whoever loses leaves nothing.
begin
first=$MOUNT_PID B=$WORK/other
mount_at "$B"
python3 - "$M" "$B" <<'P'
import ctypes, os, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
mounts = sys.argv[1:]
def make_file(path):
    try: fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError: return 0
    os.write(fd, path.encode()); os.close(fd)
    return 1
def make_dir(path):
    try: os.mkdir(path)
    except FileExistsError: return 0
    return 1
def quietly(call, *args):
    try: call(*args)
    except FileExistsError: return 0
    return 1
def rename_noreplace(old, new):
    if libc.renameat2(-100, old.encode(), -100, new.encode(), 1) < 0:
        err = ctypes.get_errno()
        raise OSError(err, os.strerror(err))
libc = ctypes.CDLL(None, use_errno=True)
ways = {
    "excl": make_file,
    "link": lambda p: quietly(os.link, f"{mounts[0]}/source", p),
    "symlink": lambda p: quietly(os.symlink, "source", p),
    "mknod": lambda p: quietly(os.mknod, p),
    "rename": lambda p: quietly(rename_noreplace, f"{mounts[0]}/moved", p),
}
def race(pool, way, i):
    path = [f"{m}/{way}/{i}" for m in mounts]
    open(f"{mounts[0]}/moved", "w").close()
    start = threading.Barrier(2)
    def run(make, p):
        start.wait()
        return make(p)
    file, dir = pool.submit(run, ways[way], path[0]), pool.submit(run, make_dir, path[1])
    won = (file.result(), dir.result())
    assert sum(won) == 1, (way, i, won)
    deadline = time.monotonic() + 10
    while True:
        shown = [[os.path.isdir(f"{m}/{way}/{n}") for n in os.listdir(f"{m}/{way}") if n.endswith(str(i))]
                 for m in mounts]
        if all(s == [won[1] == 1] for s in shown): break
        assert time.monotonic() < deadline, (way, i, won, shown)
        time.sleep(0.01)
    (os.unlink if won[0] else os.rmdir)(path[0])
with ThreadPoolExecutor(8) as pool:
    open(f"{mounts[0]}/source", "w").close()
    for way in ways:
        os.mkdir(f"{mounts[0]}/{way}")
        for i in range(20):
            race(pool, way, f"n{i}.")
    os.unlink(f"{mounts[0]}/source")
    if os.path.exists(f"{mounts[0]}/moved"): os.unlink(f"{mounts[0]}/moved")
    for i in range(40):
        for make, kind in ((make_file, "f"), (make_dir, "d")):
            won = sum(pool.map(make, [f"{m}/{kind}{i}" for m in mounts * 4]))
            assert won == 1, (kind, i, won)
        a, b = (open(f"{m}/f{i}").read() for m in mounts)
        assert a == b and a.endswith(f"/f{i}"), (a, b)
P

# What is created in a directory while it is renamed, here or there, is in one place: no claim stays behind.
python3 - "$M" "$B" <<'P'
import os, sys, threading, time
mounts = sys.argv[1:]
def fill(m, dir, tag, made):
    for i in range(12):
        name = f"{tag}{i}"
        try:
            fd = os.open(f"{m}/{dir}/{name}", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            os.write(fd, name.encode())
            os.close(fd)
            made.append(name)
        except (FileNotFoundError, NotADirectoryError):
            pass
def show(m, r):
    return {f"{d}/{n}" for d in (f"from{r}", f"to{r}") if os.path.isdir(f"{m}/{d}") for n in os.listdir(f"{m}/{d}")}
for r in range(16):
    os.mkdir(f"{mounts[0]}/from{r}")
    made, both = [], mounts if r % 2 else mounts[:1]
    threads = [threading.Thread(target=fill, args=(m, f"from{r}", tag, made)) for m, tag in zip(both, "ab")]
    for t in threads: t.start()
    while not made and threads[0].is_alive(): time.sleep(0.001)
    os.rename(f"{mounts[0]}/from{r}", f"{mounts[0]}/to{r}")
    for t in threads: t.join()
    deadline = time.monotonic() + 15
    while True:
        here, there = (show(m, r) for m in mounts)
        if here == there and sorted(os.path.basename(p) for p in here) == sorted(made): break
        assert time.monotonic() < deadline, (r, sorted(made), sorted(here), sorted(here ^ there))
        time.sleep(0.02)
    for p in here:
        assert open(f"{mounts[0]}/{p}").read() == os.path.basename(p), p
P
set -o noclobber
{ echo x >"$M/f0"; } 2>/dev/null && fail "noclobber overwrote a file"
set +o noclobber
unmount_and_wait "$B" "$MOUNT_PID"
unmount_and_wait "$M" "$first"
