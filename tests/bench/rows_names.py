# SPDX-License-Identifier: Apache-2.0
"""Buckets with many objects: mounts, listings, memory, a large directory; what the server is asked."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import urllib.request

from rig import Mount, peak_mb, timed
from rows_small import create

PER_DIRECTORY = 1000
# Each removal by the floor makes an older server look at the whole bucket.
CHANGES_MAX = 100
# Files made in one directory before it is the other's turn.
TURN = 20


def resident_bytes(pid):
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def messages_received(rig):
    """By the server, from all its clients."""
    with urllib.request.urlopen(f"{rig.server.monitoring}/varz", timeout=60) as answer:
        return json.load(answer)["in_msgs"]


def settle(rig):
    """A mount has done its last request when the server has heard nothing for two seconds."""
    before = -1
    while before != (before := messages_received(rig)):
        time.sleep(2)


def reading(rig, row, directory, command):
    """Times what reads names, and counts what the server is sent meanwhile: nothing but the look at
    the stream every half minute, if all is well."""
    before = messages_received(rig)
    rig.note(row, ("each", 1), mount=timed(lambda: rig.run("sh", "-c", command, cwd=directory)))
    rig.note(f"{row}: requests", ("number", 1), mount=messages_received(rig) - before)


def await_listing(m):
    """Readers are served before a mount has listed the bucket."""
    while json.loads((m.dir / ".natsobj/status").read_text()).get("listing"):
        time.sleep(0.02)


def tree(rig, args, is_first):
    """Directories of a thousand. The floor of mounts is what a consumer of all metadata takes."""
    n, each = args.names, ("bytes", args.names)
    if is_first:
        rig.run(rig.floor_program, "names", rig.server.url, "many", "d", n, PER_DIRECTORY)
    with Mount(rig, bucket="none") as m:
        empty = resident_bytes(m.pid)
    shutil.rmtree(rig.work / "cache", ignore_errors=True)
    floor = rig.floor("list", "-", bucket="many")
    for row, source in ((f"mount {n} objects", "from the bucket"),
                        (f"mount {n} objects again", "from the saved tree")):
        start, memory = time.monotonic(), f"memory of an object, {source}"
        with Mount(rig, bucket="many") as m:
            rig.note(f"{row}: it answers", ("each", 1), mount=time.monotonic() - start)
            await_listing(m)
            rig.note(row, ("each", 1), floor=floor, mount=time.monotonic() - start)
            rig.note(memory, each, mount=resident_bytes(m.pid) - empty)
            rig.note(f"{memory}, at the peak", each, mount=peak_mb(m.pid) * (1 << 20) - empty)
            settle(rig)
            reading(rig, f"find over {n}, {source}", m.dir, "find . | wc -l")
            reading(rig, f"ls -lR of {n}, {source}", m.dir, "ls -lR | wc -l")
            rig.note(f"{memory}, listed", each, mount=resident_bytes(m.pid) - empty)


def flat(rig, args, is_first):
    """One directory with half as many. The floor's objects are in a bucket of the same size. An empty
    directory beside it tells what is due to the number of names; as many files are made in both, in
    turn, that neither has the first requests of the mount to itself."""
    n = args.names // 2
    stem, removed = f"new{time.monotonic_ns()}", min(args.small, CHANGES_MAX)
    files = [f"new{i}" for i in range(args.small)]
    if is_first:
        rig.run(rig.floor_program, "names", rig.server.url, "flat", "d", n, n)
    created, unlinked = f"create 4 KiB in a directory of {n}", f"unlink in a directory of {n}"
    beside, each = "create 4 KiB in an empty one beside it", ("each", args.small)
    rig.note(created, each, floor=rig.floor("small", stem, 4096, args.small, 1, bucket="flat"))
    per_file = rig.floor("remove", stem, removed, bucket="flat") / removed
    rig.note(unlinked, each, floor=per_file * args.small)
    with Mount(rig, bucket="flat") as m:
        directory, empty = m.dir / "d" / "000", m.dir / "e"
        empty.mkdir()
        settle(rig)
        reading(rig, f"ls -f in a directory of {n}", directory, "ls -f | wc -l")
        reading(rig, f"ls -l in a directory of {n}", directory, "ls -l | wc -l")
        times = {directory: 0, empty: 0}
        for i in range(0, args.small, TURN):
            for d in times:
                times[d] += timed(lambda d=d, i=i: create(d, files[i:i + TURN]))
        rig.note(created, mount=times[directory])
        rig.note(beside, each, mount=times[empty])
        rig.note(unlinked, mount=timed(lambda: [os.unlink(directory / x) for x in files]))
        shutil.rmtree(empty)
        found = int(subprocess.check_output("ls -f | wc -l", shell=True, cwd=directory))
        if found != n + 2:
            sys.exit(f"bench: {found} entries instead of {n + 2}")


def names(rig, args, is_first):
    if args.names:
        tree(rig, args, is_first)
        flat(rig, args, is_first)
