# SPDX-License-Identifier: Apache-2.0
# Two hosts take hold of the same files at once: of two renames one wins, and what the other host does
# to a file that is renamed leaves it one name.
start_server
A=$WORK/a B=$WORK/b
mount_at "$A"
first=$MOUNT_PID
mount_at "$B"
second=$MOUNT_PID
python3 - "$A" "$B" <<'P'
import os, sys, threading, time
a, b = sys.argv[1:]
N = 60

def until(check):
    end = time.monotonic() + 30
    while not check():
        assert time.monotonic() < end
        time.sleep(0.01)

def attempt(f, *args):
    try: f(*args)
    except FileNotFoundError: return 0
    return 1

def race(kind, there):
    """On a: renames to a.N; on b at the same moment: there."""
    os.mkdir(f"{a}/{kind}")
    for i in range(N):
        with open(f"{a}/{kind}/{i}", "w") as f: f.write(f"file {i}\n")
    until(lambda: len(os.listdir(f"{b}/{kind}")) == N)
    barrier, done = threading.Barrier(2), []
    def other():
        for i in range(N):
            barrier.wait()
            done.append(attempt(there, f"{b}/{kind}/{i}", i))
    t = threading.Thread(target=other)
    t.start()
    won = []
    for i in range(N):
        barrier.wait()
        won.append(attempt(os.rename, f"{a}/{kind}/{i}", f"{a}/{kind}/a.{i}"))
    t.join()
    until(lambda: sorted(os.listdir(f"{a}/{kind}")) == sorted(os.listdir(f"{b}/{kind}")))
    return won, done, set(os.listdir(f"{a}/{kind}"))

won, done, names = race("rename", lambda path, i: os.rename(path, f"{os.path.dirname(path)}/b.{i}"))
for i in range(N):
    assert won[i] + done[i] == 1, (i, won[i], done[i])
    name = f"a.{i}" if won[i] else f"b.{i}"
    assert open(f"{b}/rename/{name}").read() == f"file {i}\n"
    names.remove(name)
assert not names, names

def append(path, i):
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)
    os.write(fd, b"more\n")
    os.close(fd)

won, done, names = race("append", append)
for i in range(N):
    assert won[i]
    # What was appended to a file that had gone already is a file of its own under the old name.
    found = "".join(open(f"{a}/append/{n}").read() for n in (f"a.{i}", f"{i}") if n in names)
    assert found == f"file {i}\n" + "more\n" * done[i], (i, found, done[i])

won, done, names = race("setxattr", lambda path, i: os.setxattr(path, "user.mark", b"1"))
assert all(won)
assert names == {f"a.{i}" for i in range(N)}, names
P
unmount_and_wait "$A" "$first"
unmount_and_wait "$B" "$second"
