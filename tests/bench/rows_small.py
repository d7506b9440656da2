# SPDX-License-Identifier: Apache-2.0
"""Work that costs round trips: small files, names, changes seen elsewhere."""
import multiprocessing
import os
import shutil
import sys
import time

from rig import Mount, timed

MB = 1 << 20
WRITERS = 8


def create(directory, names, flags=os.O_TRUNC):
    data = os.urandom(4096)
    for name in names:
        fd = os.open(directory / name, os.O_WRONLY | os.O_CREAT | flags, 0o644)
        os.write(fd, data)
        os.close(fd)


def create_at_once(directories, names):
    """A process for each directory, which may be the same, as a shell would start them. Seconds until
    the last is done; they begin together."""
    context = multiprocessing.get_context("fork")
    ready = context.Barrier(len(directories) + 1)

    def work(i, directory):
        ready.wait()
        create(directory, names[i::len(directories)])

    writers = [context.Process(target=work, args=x) for x in enumerate(directories)]
    for w in writers:
        w.start()
    ready.wait()
    start = time.monotonic()
    for w in writers:
        w.join()
    if any(w.exitcode for w in writers):
        sys.exit("bench: a writer failed")
    return time.monotonic() - start


def writers(rig, n, names):
    """Those of one directory take turns in the kernel, which asks about a new name and has it made
    under the directory's lock. Those of several do not."""
    eight, apart = "create 4 KiB, 8 writers", "create 4 KiB, 8 writers in 8 directories"
    for row in (eight, apart):
        stem = f"floor-new-{time.monotonic_ns()}"
        rig.note(row, ("each", n), floor=rig.floor("small", stem, 4096, n, WRITERS))
    with Mount(rig) as m:
        top = m.dir / f"small-{time.monotonic_ns()}"
        directories = [top / str(i) for i in range(WRITERS)]
        for d in directories:
            d.mkdir(parents=True)
        rig.note(eight, mount=create_at_once([top] * WRITERS, names))
        rig.note(apart, mount=create_at_once(directories, names))
        shutil.rmtree(top)


def small(rig, args, is_first):
    """Files of 4 KiB. The floor's creations are two JetStream round trips each, three when
    exclusive, where the metadata takes the place of the claim; its removals one. Nothing is mounted
    while the floor works: the server would send each change there, too."""
    del is_first
    n = args.small
    each, names = ("each", n), [f"f{i}" for i in range(n)]
    rig.note("create 4 KiB", each, floor=rig.floor("small", "floor-small", 4096, n, 1))
    with Mount(rig) as m:
        directory = m.dir / "small"
        directory.mkdir()
        rig.note("create 4 KiB", mount=timed(lambda: create(directory, names)))
        rig.note("stat, known", each, mount=timed(lambda: [os.stat(directory / x) for x in names]))
        rig.note(f"ls -l of {n}", ("each", 1), mount=timed(lambda: rig.run("ls", "-l", directory)))
    rig.note("read 4 KiB, cold", each, floor=rig.floor("getmany", "floor-small", n))
    rig.note("delete", each, floor=rig.floor("remove", "floor-small", n))
    with Mount(rig) as m:
        directory = m.dir / "small"
        rig.note("read 4 KiB, cold",
                 mount=timed(lambda: [(directory / x).read_bytes() for x in names]))
        rig.note("delete", mount=timed(lambda: [os.unlink(directory / x) for x in names]))
        directory.rmdir()
    stem = f"floor-new-{time.monotonic_ns()}"
    rig.note("create 4 KiB, O_EXCL", each, floor=rig.floor("exclusive", stem, 4096, n, 1))
    with Mount(rig) as m:
        directory = m.dir / f"small-{time.monotonic_ns()}"
        directory.mkdir()
        rig.note("create 4 KiB, O_EXCL", mount=timed(lambda: create(directory, names, os.O_EXCL)))
        shutil.rmtree(directory)
    writers(rig, n, names)


def rename(rig, args, is_first):
    """As the caller sees it: of a byte, of the large file, of a directory."""
    del is_first
    with Mount(rig) as m:
        (m.dir / "a").write_bytes(b"x")
        rig.note("rename a file of 1 B", ("each", 1),
                 mount=timed(lambda: os.rename(m.dir / "a", m.dir / "b")))
        rig.run("cp", "--sparse=never", "/dev/null", m.dir / "large")
        os.truncate(m.dir / "large", args.size * MB)
        rig.note(f"rename a file of {args.size} MiB", ("each", 1),
                 mount=timed(lambda: os.rename(m.dir / "large", m.dir / "larger")))
        (m.dir / "larger").unlink()
        directory = m.dir / "renamed"
        directory.mkdir()
        create(directory, [f"f{i}" for i in range(args.small)])
        rig.note(f"rename a directory of {args.small}", ("each", 1),
                 mount=timed(lambda: directory.rename(m.dir / "other")))
        shutil.rmtree(m.dir / "other")


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
        rig.note("close on A → stat on B, p50", ("each", 1), mount=sorted(times)[50])
        rig.note("close on A → stat on B, p99", ("each", 1), mount=sorted(times)[98])
