# SPDX-License-Identifier: Apache-2.0
"""One function for each kind of work: the floor, the mount and, where there are, peers, in turn."""
import concurrent.futures
import hashlib
import os
import random
import sys

import peers
import rows_disk
import rows_names
import rows_small
from rig import Mount, timed

MB = 1 << 20


def make_file(path, size):
    with open(path, "wb") as f:
        for _ in range(size // MB):
            f.write(os.urandom(MB))
    return path


def digest(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def read_stream(rig, path):
    rig.run("dd", f"if={path}", "of=/dev/null", "bs=1M", "status=none")


def parallel(function, items):
    with concurrent.futures.ThreadPoolExecutor(len(items)) as pool:
        list(pool.map(function, items))


def large(rig, args, is_first):
    """One large file: written, read cold, read warm, its first byte."""
    size = args.size
    source = rig.work / "source"
    if is_first:
        make_file(source, size * MB)
    write, cold, warm = f"write {size} MiB", f"read {size} MiB, cold", f"read {size} MiB, warm"
    rig.moved(write, "floor", size * MB / 1e6, lambda: rig.floor("put", "floor", source))
    with Mount(rig) as m:
        rig.moved(write, "mount", size * MB / 1e6, lambda: rig.run("cp", source, m.dir / "big"), [m.pid])
    rig.moved(cold, "floor", size * MB / 1e6, lambda: rig.floor("get", "big"))
    with Mount(rig) as m:
        rig.moved(cold, "mount", size * MB / 1e6, lambda: read_stream(rig, m.dir / "big"), [m.pid])
        read_stream(rig, source)
        rig.note(warm, ("MB", size * MB / 1e6), floor=timed(lambda: read_stream(rig, source)),
                 mount=timed(lambda: read_stream(rig, m.dir / "big")))
        if is_first and digest(m.dir / "big") != digest(source):
            sys.exit("bench: the mount has other content")
    with Mount(rig) as m:
        rig.note("first byte", ("each", 1), floor=rig.floor("random", "big", 1, 1),
                 mount=timed(lambda: open(m.dir / "big", "rb", buffering=0).read(1)))
    large_peers(rig, args, source, write, cold)


def large_peers(rig, args, source, write, cold):
    size = args.size * MB / 1e6
    for name, kind in peers.CLIENTS.items():
        client = kind()
        if name not in args.peers or client.missing:
            continue
        rig.moved(write, name, size, client.put(rig, source, f"by-{name}"))
        rig.moved(cold, name, size, client.get(rig, f"by-{name}"))
    for name, mounted in peers.MOUNTS.items():
        if name not in args.peers or peers.missing_mount(name):
            continue
        is_on_nats = name in peers.MOUNTS_ON_NATS
        with mounted(rig) as (directory, pids):
            rig.moved(write, name, size, lambda d=directory: rig.run("cp", source, d / "big"), pids,
                      is_on_nats)
        with mounted(rig) as (directory, pids):
            rig.moved(cold, name, size, lambda d=directory: read_stream(rig, d / "big"), pids,
                      is_on_nats)


def streams(rig, args, is_first):
    """Four files at once."""
    size = args.size * MB // 4
    sources = [rig.work / f"part{i}" for i in range(4)]
    if is_first:
        for i, source in enumerate(sources):
            rig.floor("put", f"stream{i}", make_file(source, size))
    megabytes = 4 * size / 1e6
    row = f"4 streams, write {args.size} MiB"
    rig.moved(row, "floor", megabytes,
              lambda: rig.floors([("put", f"floor{i}", sources[i]) for i in range(4)]))
    with Mount(rig) as m:
        rig.moved(row, "mount", megabytes, lambda: parallel(
            lambda i: rig.run("cp", sources[i], m.dir / f"part{i}"), range(4)), [m.pid])
    row = f"4 streams, read {args.size} MiB, cold"
    rig.moved(row, "floor", megabytes,
              lambda: rig.floors([("get", f"stream{i}") for i in range(4)]))
    with Mount(rig) as m:
        rig.moved(row, "mount", megabytes, lambda: parallel(
            lambda i: read_stream(rig, m.dir / f"stream{i}"), range(4)), [m.pid])


def read_random(path, size, count, seed):
    rng = random.Random(seed)
    fd = os.open(path, os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
    blocks = os.fstat(fd).st_size // size

    def work():
        for _ in range(count):
            if len(os.pread(fd, size, rng.randrange(blocks) * size)) != size:
                sys.exit("bench: short read")

    seconds = timed(work)
    os.close(fd)
    return seconds


def have_large(rig, args, is_first):
    """The large file, if the work that makes it was left out."""
    if is_first and not (rig.work / "source").exists():
        rig.floor("put", "big", make_file(rig.work / "source", args.size * MB))


def random_reads(rig, args, is_first):
    """Random reads of the large file. The server keeps a block for some seconds after a request
    loaded it, so it is warmed first for both sides alike; the mount's own memory is empty."""
    have_large(rig, args, is_first)
    for size, name in ((4096, "4 KiB"), (131072, "128 KiB")):
        for jobs, count in ((1, 500), (16, 100)):
            row = f"random {name}" + (f", {jobs} jobs" if jobs > 1 else "")
            with Mount(rig) as m:
                rig.floor("random", "big", size, 500)
                rig.note(row, ("each", jobs * count),
                         floor=rig.floors([("random", "big", size, count)] * jobs),
                         mount=timed(lambda s=size, n=count, j=jobs: parallel(
                             lambda seed: read_random(m.dir / "big", s, n, seed), range(j))))


def disk_cache(rig, args, is_first):
    have_large(rig, args, is_first)
    rows_disk.disk(rig, args, read_stream, read_random)


ALL = {"large": large, "streams": streams, "random": random_reads, "disk": disk_cache,
       "small": rows_small.small, "rename": rows_small.rename, "visibility": rows_small.visibility,
       "names": rows_names.names}
