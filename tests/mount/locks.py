#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Programs that lock files, for the cases about locks. usage: locks.py WHAT [ARGUMENT…]"""
import ctypes
import errno
import fcntl
import mmap
import os
import signal
import struct
import subprocess
import sys
import time

DEADLINE = 60
libc = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1


def flock_struct(kind, start, length, pid=0):
    return struct.pack("hhqqi", kind, 0, start, length, pid)


class Agent:
    """A process of its own that has a file open and does one call at a time."""

    def __init__(self, path, flags=os.O_RDWR | os.O_CREAT):
        to_agent, self.ask = os.pipe()
        self.answer, from_agent = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            os.close(self.ask)
            os.close(self.answer)
            signal.signal(signal.SIGUSR1, lambda *_: None)
            signal.siginterrupt(signal.SIGUSR1, True)
            files = [os.open(path, flags)]
            os.write(from_agent, b"0\n")
            for line in os.fdopen(to_agent):
                os.write(from_agent, (self.do(files, path, flags, *line.split()) + "\n").encode())
            os._exit(0)
        os.close(to_agent)
        os.close(from_agent)
        self.out = os.fdopen(self.answer)
        assert self.out.readline() == "0\n"

    @staticmethod
    def do(files, path, flags, what, *args):
        numbers = [int(a) for a in args]
        try:
            if what == "flock":
                # flock(2) itself: Python's fcntl.flock would try again after a signal.
                if libc.flock(files[0], numbers[0]) != 0:
                    raise OSError(ctypes.get_errno(), "flock")
            elif what == "lock":  # cmd type start length
                cmd, kind, start, length = numbers
                arg = ctypes.create_string_buffer(flock_struct(kind, start, length))
                if libc.fcntl(files[0], cmd, arg) != 0:
                    raise OSError(ctypes.get_errno(), "fcntl")
                return " ".join(str(n) for n in struct.unpack("hhqqi", arg.raw[:28]))
            elif what == "open":
                files.append(os.open(path, flags))
            elif what == "close":
                os.close(files.pop(numbers[0]))
            elif what == "write":
                os.write(files[0], b"x" * numbers[0])
            elif what == "fsync":
                os.fsync(files[0])
            return "0"
        except OSError as e:
            return "EDEADLK" if e.errno == errno.EDEADLK else errno.errorcode[e.errno]

    def start(self, *words):
        os.write(self.ask, (" ".join(str(w) for w in words) + "\n").encode())

    def end(self):
        return self.out.readline().strip()

    def __call__(self, *words):
        self.start(*words)
        return self.end()

    def flock(self, op):
        return self("flock", op)

    def setlk(self, kind, start=0, length=0):
        answer = self("lock", fcntl.F_SETLK, kind, start, length)
        return "0" if " " in answer else answer

    def setlkw(self, kind, start=0, length=0):
        self.start("lock", fcntl.F_SETLKW, kind, start, length)

    def getlk(self, kind, start=0, length=0):
        return self("lock", fcntl.F_GETLK, kind, start, length)

    def is_blocked(self, seconds=0.3):
        import select
        return not select.select([self.answer], [], [], seconds)[0]

    def finish(self):
        os.kill(self.pid, signal.SIGKILL)
        os.close(self.ask)
        os.waitpid(self.pid, 0)


R, W, U = fcntl.F_RDLCK, fcntl.F_WRLCK, fcntl.F_UNLCK
EX, SH, UN, NB = fcntl.LOCK_EX, fcntl.LOCK_SH, fcntl.LOCK_UN, fcntl.LOCK_NB


def eq(got, expected):
    if got != expected:
        raise AssertionError(f"got {got!r}, expected {expected!r}")


def soon(fn, expected):
    """For what close(2) leaves to the kernel, which tells of it a little later."""
    end = time.monotonic() + DEADLINE
    while (got := fn()) != expected:
        if time.monotonic() > end:
            eq(got, expected)
        time.sleep(0.02)


def basic(a_dir, b_dir):
    """Two mounts see one another's locks as two processes on a local disk would."""
    a, b = Agent(a_dir + "/f"), Agent(b_dir + "/f")
    a2 = Agent(a_dir + "/f")
    # flock
    eq(a.flock(EX | NB), "0")
    eq(b.flock(EX | NB), "EAGAIN")
    eq(b.flock(SH | NB), "EAGAIN")
    eq(a2.flock(SH | NB), "EAGAIN")
    eq(a.flock(SH), "0")
    eq(b.flock(SH | NB), "0")
    eq(a.flock(EX | NB), "EAGAIN")
    # flock(2): a conversion that fails has given the lock back.
    eq(b.flock(EX | NB), "0")
    eq(b.flock(UN), "0")
    # fcntl does not see flock, and ranges are apart.
    eq(a.flock(EX | NB), "0")
    eq(b.setlk(W, 0, 10), "0")
    eq(a.setlk(W, 9, 2), "EAGAIN")
    eq(a.setlk(W, 10, 10), "0")
    eq(b.setlk(R, 15, 1), "EAGAIN")
    eq(a.setlk(R, 10, 10), "0")
    eq(b.setlk(R, 15, 1), "0")
    eq(b.setlk(W, 15, 1), "EAGAIN")
    eq(a.setlk(U, 12, 6), "0")
    eq(b.setlk(W, 12, 6), "0")
    # Who is in the way: a process number here, 0 for one on another host.
    eq(b.getlk(W, 10, 1), f"{R} 0 10 2 0")
    eq(a2.getlk(W, 10, 1), f"{R} 0 10 2 {a.pid}")
    eq(a.getlk(W, 100, 0), f"{U} 0 100 0 0")
    eq(b.setlk(W, 1000, 0), "0")
    eq(a.getlk(R, 5000, 1), f"{W} 0 1000 0 0")
    # Closing any descriptor of the file gives all of a process's fcntl locks back.
    eq(b("open"), "0")
    eq(b("close", 1), "0")
    eq(a.setlk(W, 0, 0), "0")
    # The end of a process too; flock ends with the last descriptor.
    a.finish()
    soon(lambda: b.setlk(W, 0, 0), "0")
    soon(lambda: b.flock(EX | NB), "0")
    for agent in (b, a2):
        agent.finish()


def waiting(a_dir, b_dir):
    """Who waits is woken, in turn, can be interrupted, and is told of a deadlock."""
    a, b, c = Agent(a_dir + "/f"), Agent(b_dir + "/f"), Agent(b_dir + "/f")
    eq(a.flock(EX), "0")
    b.start("flock", EX)
    assert b.is_blocked()
    c.start("flock", EX)
    assert c.is_blocked()
    eq(a.flock(UN), "0")
    eq(b.end(), "0")
    assert c.is_blocked()
    # A signal without SA_RESTART.
    os.kill(c.pid, signal.SIGUSR1)
    eq(c.end(), "EINTR")
    eq(b.flock(UN), "0")
    eq(a.flock(EX | NB), "0")
    # A killed waiter goes at once, and leaves nothing behind.
    c.start("flock", EX)
    assert c.is_blocked()
    c.finish()
    eq(a.flock(UN), "0")
    eq(b.flock(EX | NB), "0")
    eq(b.flock(UN), "0")
    # Ranges: only the one that is free is handed over.
    c = Agent(b_dir + "/f")
    eq(a.setlk(W, 0, 20), "0")
    b.setlkw(W, 0, 10)
    c.setlkw(W, 10, 10)
    assert b.is_blocked() and c.is_blocked()
    eq(a.setlk(U, 10, 10), "0")
    assert " " in c.end()
    assert b.is_blocked()
    # c waits for a; when a waits for c, it is told.
    c.setlkw(W, 0, 10)
    assert c.is_blocked()
    eq(a("lock", fcntl.F_SETLKW, W, 10, 10), "EDEADLK")
    eq(a.setlk(U, 0, 20), "0")
    assert " " in b.end()
    eq(b.setlk(U), "0")
    assert " " in c.end()
    # Two upgrades on two hosts.
    eq(c.setlk(U), "0")
    eq(a.setlk(R), "0")
    eq(b.setlk(R), "0")
    b.setlkw(W)
    assert b.is_blocked()
    eq(a("lock", fcntl.F_SETLKW, W, 0, 0), "EDEADLK")
    eq(a.setlk(U), "0")
    assert " " in b.end()
    for agent in (a, b, c):
        agent.finish()


def content(a_dir, b_dir):
    """What was written under a lock is there for whoever has it next."""
    a = Agent(a_dir + "/data")
    eq(a.flock(EX), "0")
    eq(a("write", 1000), "0")
    eq(a.flock(UN), "0")
    eq(os.stat(b_dir + "/data").st_size, 1000)
    eq(open(b_dir + "/data").read(), "x" * 1000)
    a.finish()


def turn(lock, counter, turns, how):
    for _ in range(turns):
        fd = os.open(lock, os.O_RDWR)
        if how == "flock":
            fcntl.flock(fd, fcntl.LOCK_EX)
        else:
            fcntl.lockf(fd, fcntl.LOCK_EX)
        with open(counter) as f:
            n = int(f.read())
        with open(counter, "w") as f:
            f.write(str(n + 1))
        os.close(fd)


def race(n, turns, how, *dirs):
    """n processes on the mounts add to one number, each under the lock."""
    n, turns = int(n), int(turns)
    with open(dirs[0] + "/counter", "w") as f:
        f.write("0")
    open(dirs[0] + "/lock", "w").close()
    for d in dirs:
        end = time.monotonic() + DEADLINE
        while not os.path.exists(d + "/lock"):
            assert time.monotonic() < end
    me = [sys.executable, __file__, "turn"]
    racers = [subprocess.Popen(me + [dirs[i % len(dirs)] + "/lock", dirs[i % len(dirs)] + "/counter",
                                     str(turns), how]) for i in range(n)]
    for r in racers:
        eq(r.wait(), 0)
    for d in dirs:
        with open(d + "/counter") as f:
            eq(int(f.read()), n * turns)


def count(path, turns, how):
    """The number is in the locked file, which is open before it is locked."""
    fd = os.open(path, os.O_RDWR)
    mapped = mmap.mmap(fd, 8) if how == "mapped" else None
    for _ in range(turns):
        (fcntl.lockf if how == "closed" else fcntl.flock)(fd, fcntl.LOCK_EX)
        eq(os.fstat(fd).st_size, os.stat(path).st_size)
        text = mapped[:] if mapped else os.pread(fd, 8, 0)
        os.pwrite(fd, b"%08d" % (int(text) + 1), 0)
        if how == "closed":
            # The lock goes with the first descriptor, and what was written by the second stays.
            second = os.open(path, os.O_RDWR)
            os.pwrite(second, b".", os.fstat(second).st_size)
            os.close(fd)
            os.close(second)
            fd = os.open(path, os.O_RDWR)
        else:
            fcntl.flock(fd, fcntl.LOCK_UN)


def inside(n, turns, how, *dirs):
    """The same as race with the number in the locked file itself."""
    n, turns = int(n), int(turns)
    with open(dirs[0] + "/number", "w") as f:
        f.write("00000000")
    if how == "linked":
        os.link(dirs[0] + "/number", dirs[0] + "/another")
    me = [sys.executable, __file__, "count"]
    racers = [subprocess.Popen(me + [dirs[i % len(dirs)] + "/number", str(turns), how])
              for i in range(n)]
    for r in racers:
        eq(r.wait(), 0)
    for d in dirs:
        with open(d + "/number") as f:
            eq(int(f.read(8)), n * turns)
        if how == "closed":
            eq(os.stat(d + "/number").st_size, 8 + n * turns)
    for name in os.listdir(dirs[0]):
        assert ".conflict-" not in name, name
    os.unlink(dirs[0] + "/number")


def hold(path, ready):
    """Holds a lock until it is killed; ready is made when it is held."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(fd, fcntl.LOCK_EX)
    open(ready, "w").close()
    while True:
        time.sleep(60)


def lost(path, ready, go):
    """Takes a lock and, when go is there, writes: both write and close must fail."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(fd, fcntl.LOCK_EX)
    os.write(fd, b"while it was held\n")
    os.fsync(fd)
    os.write(fd, b"not stored yet\n")
    open(ready, "w").close()
    while not os.path.exists(go):
        time.sleep(0.05)
    for call in (lambda: os.write(fd, b"late\n"), lambda: os.fsync(fd)):
        try:
            call()
        except OSError as e:
            eq(errno.errorcode[e.errno], "EIO")
        else:
            raise AssertionError("a change was taken under a lock that is lost")
    try:
        os.close(fd)
    except OSError as e:
        eq(errno.errorcode[e.errno], "EIO")


if __name__ == "__main__":
    args = sys.argv[2:]
    if sys.argv[1] == "turn":
        turn(args[0], args[1], int(args[2]), args[3])
    elif sys.argv[1] == "count":
        count(args[0], int(args[1]), args[2])
    else:
        {"basic": basic, "waiting": waiting, "content": content, "race": race, "inside": inside,
         "hold": hold, "lost": lost}[sys.argv[1]](*args)
