# SPDX-License-Identifier: Apache-2.0
"""One function for each kind of work: floor, mount and, where there is one, a peer."""
import concurrent.futures
import hashlib
import os
import random
import shutil
import subprocess
import sys
import time

from rig import Mount, run, sshfs_mount, timed

MB = 1 << 20


def make_file(path, size):
    with open(path, "wb") as f:
        for _ in range(size // MB):
            f.write(os.urandom(MB))
    return path


def read_stream(path):
    run("dd", f"if={path}", "of=/dev/null", "bs=1M", "status=none")


def check(path, expected):
    with open(path, "rb") as f:
        if hashlib.file_digest(f, "sha256").hexdigest() != expected:
            sys.exit(f"bench: {path} has other content")


def parallel(function, items):
    with concurrent.futures.ThreadPoolExecutor(len(items)) as pool:
        list(pool.map(function, items))


def large(rig, args, is_first):
    """One large file: written, read cold, read warm, its first byte."""
    size, gigabytes = args.size * MB, args.size / 1000
    source = rig.work / "source"
    if is_first:
        make_file(source, size)
    row = f"write {args.size} MiB"
    rig.note(row, floor=rig.floor("put", "floor", source))
    with Mount(rig) as m:
        rig.measure(row, "mount", m, lambda: run("cp", source, m.dir / "big"), gigabytes)
    row = f"read {args.size} MiB, cold"
    rig.note(row, floor=rig.floor("get", "big"))
    with Mount(rig) as m:
        rig.measure(row, "mount", m, lambda: read_stream(m.dir / "big"), gigabytes)
        read_stream(source)
        row = f"read {args.size} MiB, warm"
        rig.note(row, floor=timed(lambda: read_stream(source)),
                 mount=timed(lambda: read_stream(m.dir / "big")))
        if is_first:
            with open(source, "rb") as f:
                check(m.dir / "big", hashlib.file_digest(f, "sha256").hexdigest())
    with Mount(rig) as m:
        rig.note("first byte", floor=rig.floor("random", "big", 1, 1),
                 mount=timed(lambda: open(m.dir / "big", "rb", buffering=0).read(1)))
    with sshfs_mount(rig) as directory:
        if directory:
            rig.note(f"write {args.size} MiB", sshfs=timed(lambda: run("cp", source, directory / "big")))
    with sshfs_mount(rig) as directory:
        if directory:
            rig.note(f"read {args.size} MiB, cold", sshfs=timed(lambda: read_stream(directory / "big")))


def streams(rig, args, is_first):
    """Four files at once."""
    size = args.size * MB // 4
    sources = [rig.work / f"part{i}" for i in range(4)]
    if is_first:
        for i, source in enumerate(sources):
            rig.floor("put", f"stream{i}", make_file(source, size))
    gigabytes = args.size / 1000
    row = f"4 streams, write {args.size} MiB"
    rig.note(row, floor=rig.floors([("put", f"floor{i}", sources[i]) for i in range(4)]))
    with Mount(rig) as m:
        rig.measure(row, "mount", m, lambda: parallel(
            lambda i: run("cp", sources[i], m.dir / f"part{i}"), range(4)), gigabytes)
    row = f"4 streams, read {args.size} MiB, cold"
    rig.note(row, floor=rig.floors([("get", f"stream{i}") for i in range(4)]))
    with Mount(rig) as m:
        rig.measure(row, "mount", m, lambda: parallel(
            lambda i: read_stream(m.dir / f"stream{i}"), range(4)), gigabytes)


def read_random(path, size, count, seed):
    rng = random.Random(seed)
    fd = os.open(path, os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
    blocks = os.fstat(fd).st_size // size
    start = time.monotonic()
    for _ in range(count):
        if len(os.pread(fd, size, rng.randrange(blocks) * size)) != size:
            sys.exit("bench: short read")
    os.close(fd)
    return time.monotonic() - start


def random_reads(rig, args, is_first):
    """Random reads of the large file. The server keeps a block for some seconds after a request
    loaded it, so it is warmed first for both sides alike; the mount's own memory is empty."""
    if is_first and args.only and "large" not in args.only:
        rig.floor("put", "big", make_file(rig.work / "source", args.size * MB))
    for size, name in ((4096, "4 KiB"), (131072, "128 KiB")):
        with Mount(rig) as m:
            rig.floor("random", "big", size, 500)
            rig.note(f"500 random {name}", floor=rig.floor("random", "big", size, 500),
                     mount=read_random(m.dir / "big", size, 500, size))
    jobs = 16
    with Mount(rig) as m:
        rig.note("16 × 100 random 4 KiB",
                 floor=rig.floors([("random", "big", 4096, 100)] * jobs),
                 mount=timed(lambda: parallel(
                     lambda seed: read_random(m.dir / "big", 4096, 100, seed), range(jobs))))


def forget_disk_cache(rig):
    """The cache's files are on the disk and no longer in the kernel's memory."""
    for path in (rig.work / "cache" / "content").iterdir():
        fd = os.open(path, os.O_RDONLY)
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


def disk_cache(rig, args, is_first):
    """The large file with a disk cache: the read that fills it, and reads by later mounts. The floor
    is the server's time."""
    gigabytes = args.size / 1000
    if is_first and args.only and not {"large", "random"} & set(args.only):
        rig.floor("put", "big", make_file(rig.work / "source", args.size * MB))
    shutil.rmtree(rig.work / "cache" / "content", ignore_errors=True)
    options = f"create,cache_min_free=0,cache_size={4 * args.size}M"
    for row in (f"read {args.size} MiB, fills disk cache", f"read {args.size} MiB, disk cache"):
        floor = rig.floor("get", "big")
        with Mount(rig, options=options) as m:
            rig.note(row, floor=floor)
            rig.measure(row, "mount", m, lambda: read_stream(m.dir / "big"), gigabytes)
        forget_disk_cache(rig)
    row = "500 random 4 KiB, disk cache"
    with Mount(rig, options=options) as m:
        rig.floor("random", "big", 4096, 500)
        rig.note(row, floor=rig.floor("random", "big", 4096, 500),
                 mount=read_random(m.dir / "big", 4096, 500, 4096))


def create(directory, names):
    data = os.urandom(4096)
    for name in names:
        (directory / name).write_bytes(data)


def small(rig, args, is_first):
    """Small files, one after the other and by eight writers; the floor is two round trips each."""
    del is_first
    n = args.small
    names = [f"f{i}" for i in range(n)]
    with Mount(rig) as m:
        directory = m.dir / "small"
        directory.mkdir()
        rig.note(f"create {n} × 4 KiB", floor=rig.floor("small", "floor-small", 4096, n),
                 mount=timed(lambda: create(directory, names)))
        rig.note(f"ls -l of {n}", mount=timed(lambda: run("ls", "-l", directory)))
        rig.note(f"stat {n}", mount=timed(lambda: [os.stat(directory / x) for x in names]))
    with Mount(rig) as m:
        directory = m.dir / "small"
        rig.note(f"read {n} × 4 KiB, cold", floor=rig.floor("getmany", "floor-small", n),
                 mount=timed(lambda: [(directory / x).read_bytes() for x in names]))
        rig.note(f"rename directory of {n}", mount=timed(lambda: directory.rename(m.dir / "other")))
        rig.note(f"delete {n}", mount=timed(lambda: shutil.rmtree(m.dir / "other")))
        directory.mkdir()
        rig.note(f"create {n} × 4 KiB, 8 writers",
                 floor=rig.floors([("small", f"floor-small{j}", 4096, n // 8) for j in range(8)]),
                 mount=timed(lambda: parallel(lambda j: create(directory, names[j::8]), range(8))))
        shutil.rmtree(directory)
        (m.dir / "a").write_bytes(b"x")
        rig.note("rename a file", mount=timed(lambda: os.rename(m.dir / "a", m.dir / "b")))
        if (m.dir / "big").exists():
            rig.note("rename the large file", mount=timed(
                lambda: os.rename(m.dir / "big", m.dir / "big2")))
            os.rename(m.dir / "big2", m.dir / "big")


def visibility(rig, args, is_first):
    """From close on one mount until a program on another sees the new size; 100 changes."""
    del args, is_first
    with Mount(rig) as a, Mount(rig, rig.work / "mnt2") as b:
        times = []
        for i in range(100):
            with open(a.dir / "seen", "wb") as f:
                f.write(b"x" * (i + 1))
            start = time.monotonic()
            while not os.path.exists(b.dir / "seen") or os.stat(b.dir / "seen").st_size != i + 1:
                if time.monotonic() > start + 10:
                    sys.exit("bench: a change was not seen within 10 s")
            times.append(time.monotonic() - start)
        rig.note("close on A → stat on B, p50", mount=sorted(times)[50])
        rig.note("close on A → stat on B, p99", mount=sorted(times)[98])


def names(rig, args, is_first):
    """A bucket with many objects: how long a mount takes, and a listing of all."""
    if not args.names:
        return
    if is_first:
        subprocess.run([str(rig.floor_program), "names", rig.server.url, "many", "d",
                        str(args.names), "1000"], check=True, stdout=subprocess.DEVNULL)
    row = f"mount {args.names} objects"
    rig.note(row, floor=float(subprocess.run(
        [str(rig.floor_program), "list", rig.server.url, "many", "-"], check=True,
        capture_output=True, text=True).stdout))
    mount = Mount(rig, bucket="many")
    rig.note(row, mount=timed(mount.__enter__))
    with_status = int(open(f"/proc/{mount.pid}/statm").read().split()[1]) * 4096
    rig.note(row, bytes_per_object=with_status / args.names)
    rig.note(f"ls -lR of {args.names}", mount=timed(lambda: run("ls", "-lR", mount.dir)))
    rig.note(f"find over {args.names}", mount=timed(lambda: run("find", mount.dir)))
    mount.__exit__(None)


ALL = {"large": large, "streams": streams, "random": random_reads, "disk": disk_cache, "small": small,
       "visibility": visibility, "names": names}
