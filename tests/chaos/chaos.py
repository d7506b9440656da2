# SPDX-License-Identifier: Apache-2.0
"""Seeded random work on several mounts of one bucket, and a foreign client, at the same time; then a
check of what everybody saw against what is promised (history.py).

Usage: chaos.py --url URL [--control FILE]… [--link NAME]… [--seconds N] [--seed N] [--dir DIR]
                [--only KIND]… MOUNT…
FILE is the control file of a mount's proxy (proxy.py), NAME the network interface behind which a mount
is, DIR is for the workers' histories, KIND one of the kinds of workers (Writer, Mover, …): others do not work.

Every worker is a process of its own: a close commits only when its process has no other descriptor
on the file. Workers:
  writers    overwrite, read, delete and chmod a few names that all share
  readers    read them
  movers     rename a file of their own on and on, and change it at once
  observers  list where a mover works: one of its names is always there
  racers     all try to make the same new name; one may win
  foreign    overwrites, deletes and renames without any library
"""
import argparse
import ctypes
import errno
import json
import os
import random
import re
import stat
import subprocess
import sys
import time
from pathlib import Path

import history as checker
from raw import Raw

NAMES = [f"reg/{i}" for i in range(6)]
SIZES = (60, 3000, 150_000, 400_000)
RENAME_NOREPLACE = 1
LIBC = ctypes.CDLL(None, use_errno=True)
# What an operation may say when another host was faster. Nothing else is expected.
PASSING = (errno.ENOENT, errno.ESTALE, errno.EEXIST)


class Worker:
    def __init__(self, number, mount, seed, until, url):
        self.number, self.mount, self.until = number, Path(mount) if mount else None, until
        self.random = random.Random(f"{seed}/{number}")
        self.url = url
        self.raw, self.asked = None, 0
        self.n = 0
        self.log = []
        self.faults = []

    def note(self, op, name, t0, **other):
        self.log.append({"op": op, "name": name, "t0": t0, "t1": time.monotonic(),
                         "worker": self.number, "mount": str(self.mount or "foreign"), **other})

    def fault(self, text):
        self.faults.append(f"worker {self.number} on {self.mount}: {text} at {time.monotonic():.6f}")

    def leader(self, name):
        """What the server itself has at this moment, past every mount."""
        # Pings are answered only while it asks, and who answers none for minutes is cut off.
        if not self.raw or time.monotonic() - self.asked > 60:
            self.raw = Raw(self.url)
        self.asked = time.monotonic()
        info, seq = self.raw.get_meta(name)
        if not seq:
            count = self.raw.count(name)
            return f"no answer, but {count} messages" if count else checker.NOTHING
        return f"{'tombstone' if info.get('deleted') else info['nuid']} at {seq}"

    def version(self):
        self.n += 1
        return f"w{self.number}-{self.n}"

    def run(self):
        while time.monotonic() < self.until:
            self.step()
        return {"log": self.log, "faults": self.faults}

    # --- registers ---

    def write(self, name, flags=os.O_WRONLY | os.O_CREAT | os.O_TRUNC):
        v, t0 = self.version(), time.monotonic()
        data = checker.content(v, self.random.choice(SIZES))
        fd = None
        try:
            fd = os.open(self.mount / name, flags, 0o644)
            for at in range(0, len(data), 100_000):
                os.write(fd, data[at:at + 100_000])
            last, fd = fd, None
            os.close(last)
            self.note("write", name, t0, v=v, ok=True)
        except OSError as e:
            if fd is not None:
                os.close(fd)
            self.note("write", name, t0, v=v, ok=False, error=e.errno)
            if e.errno not in PASSING:
                self.fault(f"write of {name}: {e}")

    def read(self, name):
        t0 = time.monotonic()
        try:
            fd = os.open(self.mount / name, os.O_RDONLY)
        except OSError as e:
            if e.errno == errno.ENOENT:
                t1 = time.monotonic()
                self.note("read", name, t0, v=None, leader=self.leader(name))
                self.log[-1]["t1"] = t1
            elif e.errno not in PASSING:
                self.fault(f"open of {name}: {e}")
            return
        try:
            data = b""
            while piece := os.read(fd, 1 << 17):
                data += piece
        except OSError as e:
            if e.errno not in (errno.ESTALE, errno.ENOENT):
                self.fault(f"read of {name}: {e}")
            return
        finally:
            os.close(fd)
        v, is_whole = checker.version_of(data)
        if v and is_whole:
            self.note("read", name, t0, v=v)
        else:
            # Only this host's own unsaved content is shown before it is whole.
            self.note("part", name, t0, v=v, n=len(data), head=data[:40].decode("latin1"))

    def unlink(self, name):
        t0 = time.monotonic()
        try:
            os.unlink(self.mount / name)
            self.note("unlink", name, t0, ok=True)
        except OSError as e:
            if e.errno != errno.ENOENT:
                self.note("unlink", name, t0, ok=False)
            if e.errno not in PASSING:
                self.fault(f"unlink of {name}: {e}")

    def chmod(self, name):
        try:
            os.chmod(self.mount / name, self.random.choice((0o600, 0o640, 0o644)))
        except OSError as e:
            if e.errno not in PASSING:
                self.fault(f"chmod of {name}: {e}")


class Writer(Worker):
    """One on each mount: what two processes of one host write at once may mix, as on any disk."""
    def step(self):
        name = self.random.choice(NAMES)
        what = self.random.choices((self.write, self.read, self.unlink, self.chmod), (50, 40, 5, 5))[0]
        what(name)


class Reader(Worker):
    def step(self):
        self.read(self.random.choice(NAMES))


class Mover(Worker):
    """Renames one file of its own in a directory of its own."""
    def __init__(self, *args):
        super().__init__(*args)
        self.dir = self.mount / f"move/{self.number}"
        self.dir.mkdir(parents=True)
        (self.dir / "x0").write_bytes(checker.content(f"m{self.number}", 200))

    def step(self):
        old, new = self.dir / f"x{self.n}", self.dir / f"x{self.n + 1}"
        self.n += 1
        try:
            os.rename(old, new)
            for _ in range(self.random.randrange(3)):
                os.utime(new)
        except OSError as e:
            self.fault(f"rename to {new}: {e}")
            self.until = 0
        time.sleep(self.random.random() * 0.02)


class Observer(Worker):
    def __init__(self, *args):
        super().__init__(*args)
        self.begun = set()  # directories whose mover has made its file

    def step(self):
        for d in (self.mount / "move").iterdir():
            try:
                names = os.listdir(d)
            except OSError as e:
                self.fault(f"listing of {d}: {e}")
                continue
            if not names:
                if d in self.begun:
                    self.fault(f"neither name in {d}")
                continue
            self.begun.add(d)
            try:
                v, is_whole = checker.version_of((d / self.random.choice(names)).read_bytes())
                if not is_whole:
                    self.fault(f"content of {v} in {d} is not whole")
            except OSError as e:
                if e.errno not in PASSING:
                    self.fault(f"read in {d}: {e}")
        time.sleep(0.005)


def rename_noreplace(old, new):
    if LIBC.renameat2(-100, os.fsencode(old), -100, os.fsencode(new), RENAME_NOREPLACE) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class Racer(Worker):
    SLOT = 0.1
    KINDS = ("excl", "mkdir", "symlink", "move", "link")
    KEPT = 150  # seconds: until those who lost their network have tried to make the name too

    def __init__(self, *args):
        super().__init__(*args)
        self.made = []  # when, and what

    def note_made(self, path):
        self.made.append((time.monotonic(), path))

    def remove_old(self):
        while self.made and self.made[0][0] < time.monotonic() - self.KEPT:
            _, path = self.made.pop(0)
            try:
                if path.name.startswith("mkdir"):
                    os.rmdir(path)
                else:
                    os.unlink(path)
            except OSError as e:
                if e.errno not in PASSING:
                    self.fault(f"removal of {path}: {e}")

    def make(self, kind, path):
        mine = self.mount / f"race/own-{self.number}-{self.n}"
        if kind == "excl":
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
        elif kind == "mkdir":
            os.mkdir(path)
        elif kind == "symlink":
            os.symlink(f"target-{self.number}", path)
        else:
            mine.write_bytes(b"x")
            self.note_made(mine)
            if kind == "move":
                rename_noreplace(mine, path)
            else:
                os.link(mine, path)

    def step(self):
        slot = int(time.monotonic() / self.SLOT) + 1
        time.sleep(max(0.0, slot * self.SLOT - time.monotonic()))
        self.n = slot
        kind = self.KINDS[slot % len(self.KINDS)]
        name = f"race/{kind}-{slot}"
        t0, result = time.monotonic(), "won"
        try:
            self.make(kind, self.mount / name)
            self.note_made(self.mount / name)
        except OSError as e:
            result = "lost" if e.errno == errno.EEXIST else "unsupported" \
                if kind == "link" and e.errno in (errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP) else "failed"
            if result == "failed":
                self.fault(f"{name}: {e}")
        self.note("race", name, t0, result=result)
        self.remove_old()


class Foreign(Worker):
    """Knows nothing of files: no expected sequence, no attributes, purges what it replaces."""
    def __init__(self, *args):
        super().__init__(*args)
        self.moved = 0
        self.replaced = []  # contents to be purged, and when

    def newest(self, name):
        info, _ = self.raw.get_meta(name)
        return info if info and not info.get("deleted") else None

    def put(self, name):
        v, t0 = self.version(), time.monotonic()
        data = checker.content(v, self.random.choice(SIZES))
        old = self.newest(name)
        self.raw.put(name, [data[at:at + 131072] for at in range(0, len(data), 131072)])
        self.note("write", name, t0, v=v, ok=True)
        if old:
            self.replaced.append((t0 + (0 if self.random.random() < 0.2 else 5), old["nuid"]))

    def remove(self, name):
        t0 = time.monotonic()
        old = self.newest(name)
        if old:
            self.raw.meta(name, dict(old, size=0, chunks=0, deleted=True))
            self.note("unlink", name, t0, ok=True)

    def rename(self):
        old, new = f"foreign/{self.moved}", f"foreign/{self.moved + 1}"
        info = self.newest(old)
        if not info:
            self.raw.put(old, [b"moved"])
            return
        self.raw.meta(new, dict(info, name=new))
        self.raw.purge_meta(old)
        self.moved += 1

    def step(self):
        self.raw = self.raw or Raw(self.url)
        for due, nuid in [r for r in self.replaced if r[0] <= time.monotonic()]:
            self.raw.purge_chunks(nuid)
            self.replaced.remove((due, nuid))
        what = self.random.random()
        if what < 0.5:
            self.put(self.random.choice(NAMES))
        elif what < 0.55:
            self.remove(self.random.choice(NAMES))
        elif what < 0.65:
            self.rename()
        time.sleep(self.random.random() * 0.05)


def start(worker, directory):
    """Runs a worker in a process; its history goes to a file."""
    path = directory / f"history-{worker.number}"
    pid = os.fork()
    if pid:
        return pid, path
    try:
        result = worker.run()
    except BaseException as e:  # the process ends here, whatever it was
        result = {"log": worker.log, "faults": worker.faults + [f"worker {worker.number}: {e!r}"]}
    path.write_text(json.dumps(result))
    os._exit(0)


def snapshot(mount):
    """Everything that a mount shows: names, types, sizes, modes, times, contents."""
    seen = {}
    for top, dirs, files in os.walk(mount):
        for name in dirs + files:
            path = os.path.join(top, name)
            try:
                st = os.lstat(path)
                what = [stat.filemode(st.st_mode), st.st_mtime_ns]
                if stat.S_ISREG(st.st_mode):
                    data = Path(path).read_bytes()
                    what += [st.st_size, len(data), checker.version_of(data)[0] or hash(data)]
                elif stat.S_ISLNK(st.st_mode):
                    what.append(os.readlink(path))
                elif stat.S_ISDIR(st.st_mode):
                    what.pop()
            except OSError as e:
                what = [f"error {e.errno}"]
            seen[os.path.relpath(path, mount)] = what
    return seen


def differences(mounts):
    shots = [snapshot(m) for m in mounts]
    for name in sorted(set().union(*shots)):
        values = [shot.get(name) for shot in shots]
        if any(v != values[0] for v in values):
            yield f"{name}: {values}"


def check_equal(mounts, seconds):
    """All mounts show the same in the end: the faults that are left after a while. A host that lists the
    bucket anew shows what is gone until it has done so. Looking at everything may take longer than that."""
    end = time.monotonic() + seconds
    is_last = False
    while (left := list(differences(mounts))) and not is_last:
        time.sleep(0.5)
        is_last = time.monotonic() >= end
    return [f"mounts differ: {text}" for text in left[:20]]


def check_parts(log):
    """Content that is not whole was being written on the same host at that time."""
    writes = {}
    for op in log:
        if op["op"] == "write":
            writes.setdefault((op["name"], op["mount"]), []).append(op)
    spans = {key: checker.Spans(ops) for key, ops in writes.items()}
    for part in (op for op in log if op["op"] == "part"):
        span = spans.get((part["name"], part["mount"]))
        if not span or span.latest_end(part["t1"]) <= part["t0"]:
            yield f"not a version: {checker.describe(part)}"


def set_proxy(control, word):
    Path(control).write_text(word)


def set_link(name, word):
    subprocess.run(["ip", "link", "set", name, word], check=True)


def disturb(rng, control_files, links, until):
    """Stalls, cuts and unplugs one host after the other: mostly for moments, sometimes until
    everybody knows that the connection is lost."""
    faults = [(set_proxy, control, word, "pass") for control in control_files for word in ("stall", "cut")]
    faults += [(set_link, link, "down", "up") for link in links]
    while faults and (left := until - time.monotonic()) > 0:
        time.sleep(rng.uniform(0.5, 3))
        change, what, broken, whole = rng.choice(faults)
        is_long = rng.random() < 0.05 and left > 120
        change(what, broken)
        time.sleep(rng.uniform(20, 60) if is_long else rng.uniform(0.1, 1.5))
        change(what, whole)


def grouped(faults, most=40):
    """The first of each kind, texts that differ in numbers only being one kind, and how many."""
    kinds = {}
    for text in faults:
        kinds.setdefault(re.sub(r"\d+", "#", text), []).append(text)
    return [(texts[0], len(texts)) for texts in list(kinds.values())[:most]]


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--url", required=True)
    args.add_argument("--control", action="append", default=[])
    args.add_argument("--link", action="append", default=[])
    args.add_argument("--seconds", type=float, default=20)
    args.add_argument("--seed", type=int, default=None)
    args.add_argument("--dir", type=Path, default=Path("."))
    args.add_argument("--only", action="append", default=[])
    args.add_argument("mounts", nargs="+")
    o = args.parse_args()
    seed = o.seed if o.seed is not None else random.SystemRandom().randrange(1 << 31)
    print(f"seed {seed}, {o.seconds:.0f} s", flush=True)

    first = Path(o.mounts[0])
    for name in ("reg", "race", "move"):
        (first / name).mkdir()
    until = time.monotonic() + o.seconds
    kinds = (Writer, Reader, Mover, Observer, Racer)
    workers = [(kind, m) for m in o.mounts for kind in kinds] + [(Foreign, None)]
    made = [kind(i, m, seed, until, o.url) for i, (kind, m) in enumerate(workers)
            if kind.__name__ in (o.only or (kind.__name__,))]
    running = [start(w, o.dir) for w in made]
    disturb(random.Random(seed), o.control, o.link, until)
    log, faults = [], []
    for pid, path in running:
        os.waitpid(pid, 0)
        result = json.loads(path.read_text())
        log += result["log"]
        faults += result["faults"]

    faults += check_equal(o.mounts, 60)
    last = Worker(len(workers), first, seed, 0, o.url)
    for name in NAMES:
        last.read(name)
    log += last.log
    (o.dir / "history.json").write_text(json.dumps(log))
    _, stale = checker.check_registers(log)
    faults += stale + list(check_parts(log)) + list(checker.check_races(log))
    counts = {}
    for op in log:
        counts[op["op"]] = counts.get(op["op"], 0) + 1
    print(", ".join(f"{n} {op}" for op, n in sorted(counts.items())))
    for mount in o.mounts if faults else ():
        print(f"{mount}:", Path(mount, ".natsobj/status").read_text())
    for text, n in grouped(faults):
        print(f"VIOLATION {text}" + (f" … {n} like this" if n > 1 else ""))
    print(f"{len(faults)} violations, seed {seed}")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
