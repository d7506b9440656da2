# SPDX-License-Identifier: Apache-2.0
"""The large file through a disk cache: the read that fills it, reads by later mounts, and by the kernel."""
import json
import os
import shutil

from rig import Mount, wait_for

# One alone is so short that what else the machine does would decide.
READS = 5


def forget(rig):
    """The cache's files are on the disk and no longer in the kernel's memory."""
    for path in (rig.work / "cache" / "content").iterdir():
        fd = os.open(path, os.O_RDONLY)
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


def state(m):
    return json.loads((m.dir / ".natsobj" / "status").read_text())["disk_cache"]


def passthrough(rig, row, megabytes, read_stream, options):
    """What was read once and the kernel reads by itself then, in memory; the floor is the source, a
    local file, in memory."""
    source = rig.work / "source"
    shutil.rmtree(rig.work / "cache" / "content", ignore_errors=True)
    with Mount(rig, options=f"{options},passthrough=on") as m:
        if not state(m)["passthrough"]:
            return

        def is_passed():
            read_stream(rig, m.dir / "big")
            return state(m)["passthrough_opens"] > 0

        wait_for("passthrough", is_passed, 60)
        read_stream(rig, source)
        for system, path, pids in (("floor", source, []), ("mount", m.dir / "big", [m.pid])):
            rig.moved(row, system, READS * megabytes,
                      lambda p=path: [read_stream(rig, p) for _ in range(READS)], pids, False)


def disk(rig, args, read_stream, read_random):
    """The floor is the server's time. The large file is there."""
    shutil.rmtree(rig.work / "cache" / "content", ignore_errors=True)
    options = f"create,cache_min_free=0,cache_size={4 * args.size}M"
    megabytes = args.size * (1 << 20) / 1e6
    for row in (f"read {args.size} MiB, fills disk cache", f"read {args.size} MiB, disk cache"):
        rig.moved(row, "floor", megabytes, lambda: rig.floor("get", "big"))
        with Mount(rig, options=options) as m:
            rig.moved(row, "mount", megabytes, lambda: read_stream(rig, m.dir / "big"), [m.pid])
        forget(rig)
    with Mount(rig, options=options) as m:
        rig.floor("random", "big", 4096, 500)
        rig.note("random 4 KiB, disk cache", ("each", 500), floor=rig.floor("random", "big", 4096, 500),
                 mount=read_random(m.dir / "big", 4096, 500, 4096))
    passthrough(rig, f"read {args.size} MiB, warm, passthrough", megabytes, read_stream, options)
    shutil.rmtree(rig.work / "cache" / "content", ignore_errors=True)
