# SPDX-License-Identifier: Apache-2.0
# long
# Three mounts read through one small disk cache while objects are replaced and renamed, daemons are
# killed, and the cache's files are damaged, cut, removed and mixed up. Every byte read is right.
# SEED=, TORTURE_SECONDS=.
begin
writer=$MOUNT_PID
python3 - "$MOUNT" "$URL" "$M" "$WORK" "${SEED:-1}" "${TORTURE_SECONDS:-20}" <<'P'
import errno, hashlib, json, os, random, signal, subprocess, sys, threading, time
from pathlib import Path
mount, url, source, work, seed, seconds = sys.argv[1:]
source, work = Path(source), Path(work)
rng = random.Random(int(seed))
SIZES = [1, 5000, 131072, 131073, 700000, 2000000, 5000001]
# What a name may hold: its last content, or the one that is on its way.
contents = [random.Random(f"{seed}/{i}").randbytes(rng.choice(SIZES)) for i in range(40)]
names = [f"n{i}" for i in range(12)]
lock, versions = threading.Lock(), {}
end = time.monotonic() + float(seconds)
failures = []

def put(name):
    i = rng.randrange(len(contents))
    with lock: versions.setdefault(name, set()).add(i)
    (source / name).write_bytes(contents[i])
    with lock: versions[name] = {i}

class Reader:
    def __init__(self, number):
        self.number, self.dir = number, work / f"r{number}"
        self.dir.mkdir()
        self.rng = random.Random(f"{seed}-{number}")
        self.start()
    def start(self):
        self.log = open(work / f"log.r{self.number}", "a")
        self.process = subprocess.Popen([mount, url + "/b", self.dir, "-f", "-o",
            f"cache_dir={work}/cache,cache_size=12M,cache_min_free=0,memory=4M"],
            stdout=self.log, stderr=self.log)
        while not os.path.ismount(self.dir):
            assert self.process.poll() is None, "a mount did not come up"
            time.sleep(0.02)
    def kill(self):
        self.process.kill()
        self.process.wait()
        # The guard takes the mount down.
        while os.path.ismount(self.dir) or not os.path.isdir(self.dir): time.sleep(0.02)
    def stop(self):
        subprocess.run(["umount", self.dir], check=True)
        assert self.process.wait(60) == 0, "a daemon failed"
    def read(self):
        name = self.rng.choice(names)
        with lock: before = set(versions[name])
        try:
            fd = os.open(self.dir / name, os.O_RDONLY)
        except FileNotFoundError:
            return
        try:
            size = os.fstat(fd).st_size
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            if self.rng.random() < 0.5:
                at, step, to = 0, self.rng.choice((4096, 100000, 1 << 20)), size
            else:
                at = self.rng.randrange(size); step = 10000; to = min(size, at + step)
            got = b""
            from_ = at
            while at < to:
                b = os.pread(fd, step, at)
                if not b: break
                got += b; at += len(b)
            got = got[:to - from_]
        except OSError as e:
            if e.errno != errno.ESTALE: raise
            return
        finally:
            os.close(fd)
        with lock: allowed = before | versions[name]
        if not any(c[from_:to] == got and len(c) == size for c in (contents[i] for i in allowed)):
            # A version in between is fine as well.
            if not any(len(c) == size and c[from_:to] == got for c in contents):
                failures.append((self.number, name, size, from_, to))
    def run(self):
        try:
            while time.monotonic() < end and not failures:
                for _ in range(30):
                    if time.monotonic() > end: break
                    self.read()
                if self.rng.random() < 0.2:
                    self.kill()
                    self.start()
        except Exception as e:
            failures.append((self.number, repr(e)))

def spoil():
    """What a crash, a bad disk or a curious user may do to the cache."""
    files = list((work / "cache/content").iterdir())
    if not files: return
    path = rng.choice(files)
    try:
        size = path.stat().st_size
        kind = rng.randrange(6)
        if kind == 0: path.unlink()
        elif kind == 1: os.truncate(path, rng.randrange(size + 1))
        elif kind == 2: os.rename(path, rng.choice(files))
        elif kind == 3: (work / "cache/content" / ("0" * 64)).write_bytes(b"x" * 100)
        else:
            with open(path, "r+b") as f:
                f.seek(rng.randrange(size)); f.write(rng.randbytes(rng.choice((1, 5000))))
    except (FileNotFoundError, ValueError): pass

for name in names: put(name)
readers = [Reader(i) for i in range(3)]
threads = [threading.Thread(target=r.run) for r in readers]
for t in threads: t.start()
n = 0
while time.monotonic() < end and not failures:
    what = rng.random()
    if what < 0.3: put(rng.choice(names))
    elif what < 0.35:
        a, b = rng.sample(names, 2)
        with lock: versions[b] = versions[a] | versions[b]; known = set(versions[a])
        os.rename(source / a, source / b)
        with lock: versions[b] = known
        put(a)
    else: spoil()
    n += 1
    time.sleep(0.05)
for t in threads: t.join()
assert not failures, failures
figures = [json.loads((r.dir / ".natsobj/status").read_text())["disk_cache"] for r in readers]
print(n, "changes;", figures)
time.sleep(0)
for r in readers: r.stop()
total = sum(f.stat().st_blocks * 512 for f in (work / "cache/content").iterdir())
assert total <= 14 << 20, total
assert all(f["on"] for f in figures)
P
MOUNT_PID=$writer
end
