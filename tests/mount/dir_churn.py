# SPDX-License-Identifier: Apache-2.0
"""dir_churn.py SEED SECONDS MOUNT…: on each mount of one bucket directories are made, renamed into one
another, filled and removed, all with the same few names. Then all mounts have to show the same."""
import ctypes
import errno
import os
import random
import sys
import threading
import time

# What programs meet when others are at work on the same names. ESTALE: twice in one call a directory
# of the path was not what it had been.
EXPECTED = {errno.ENOENT, errno.EEXIST, errno.ENOTEMPTY, errno.EINVAL, errno.ESTALE}
WAIT_S = 120
AT_FDCWD, RENAME_EXCHANGE = -100, 2
libc = ctypes.CDLL(None, use_errno=True)


def exchange(a, b):
    if libc.renameat2(AT_FDCWD, os.fsencode(a), AT_FDCWD, os.fsencode(b), RENAME_EXCHANGE) < 0:
        raise OSError(ctypes.get_errno(), "exchange", a, None, b)


class Worker(threading.Thread):
    def __init__(self, top, seed, seconds):
        super().__init__()
        self.top, self.random, self.seconds = top, random.Random(seed), seconds
        self.steps, self.unexpected = 0, []

    def path(self):
        return "/".join([self.top] + self.random.choices("abcd", k=self.random.randint(1, 3)))

    def file(self):
        return f"{self.path()}.f{self.random.randint(0, 5)}"

    def write(self):
        with open(self.file(), self.random.choice(("wb", "ab"))) as f:
            f.write(self.random.randbytes(self.random.choice((0, 10, 5000))))

    def fill(self):
        """More than a rename moves at once."""
        top = self.path()
        for i in range(200):
            open(f"{top}/m{i}", "w").close()

    def empty(self):
        for entry in os.scandir(self.path()):
            if entry.name.startswith("m"):
                os.unlink(entry.path)

    def step(self):
        what, weight = zip(
            (lambda: os.mkdir(self.path()), 25),
            (lambda: os.rename(self.path(), self.path()), 25),
            (lambda: exchange(self.path(), self.path()), 4),
            (self.write, 20),
            (lambda: os.unlink(self.file()), 8),
            (lambda: os.rmdir(self.path()), 6),
            (self.fill, 2),
            (self.empty, 2),
            (lambda: os.listdir(self.path()), 8),
        )
        self.random.choices(what, weight)[0]()

    def run(self):
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            self.steps += 1
            try:
                self.step()
            except OSError as e:
                if e.errno not in EXPECTED:
                    self.unexpected.append(str(e))


def tree(top):
    seen = {}
    for where, dirs, files in os.walk(top):
        for name in dirs:
            seen[os.path.relpath(os.path.join(where, name), top)] = "directory"
        for name in files:
            path = os.path.join(where, name)
            try:
                with open(path, "rb") as f:
                    seen[os.path.relpath(path, top)] = f.read()
            except OSError as e:
                seen[os.path.relpath(path, top)] = e.errno
    return seen


def differences(trees):
    for other in trees[1:]:
        odd = trees[0].items() ^ other.items()
        if odd:
            return sorted({name for name, _ in odd})
    return []


def main():
    seed, seconds, mounts = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    workers = [Worker(m, seed * 10 + i, seconds) for i, m in enumerate(mounts)] if seconds else []
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    assert all(w.steps > 10 for w in workers)
    assert not any(w.unexpected for w in workers), [w.unexpected for w in workers]
    end = time.monotonic() + WAIT_S
    while odd := differences([tree(m) for m in mounts]):
        assert time.monotonic() < end, f"seed {seed}: {len(odd)} names differ: {odd[:20]}"
        time.sleep(0.3)


main()
