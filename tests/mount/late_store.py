# SPDX-License-Identifier: Apache-2.0
"""late_store.py DIR PID: leaves a change in DIR/lost that nothing has committed, while the server PID
is frozen. The mount's end has to store it."""
import ctypes
import mmap
import os
import signal
import sys

top, server = os.path.realpath(sys.argv[1]), int(sys.argv[2])
with open(f"{top}/lost", "w+b") as f:
    f.truncate(100000)
    w = mmap.mmap(f.fileno(), 100000)
# The mapping keeps a descriptor of its own, whose close would commit.
for fd in os.listdir("/proc/self/fd"):
    try:
        if os.readlink(f"/proc/self/fd/{fd}") == f"{top}/lost":
            os.close(int(fd))
    except OSError:
        pass
# What reaches the daemon from here on is a change that nothing has committed.
w[:] = b"y" * 100000
d = os.open(top, os.O_RDONLY)
assert ctypes.CDLL(None).syncfs(d) == 0
os.close(d)
os.kill(server, signal.SIGSTOP)
w[:] = b"x" * 100000
w.close()
