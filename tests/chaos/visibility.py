# SPDX-License-Identifier: Apache-2.0
"""How long after a close on one mount another one shows the change, without being asked to look again.

Usage: visibility.py A B [--changes N] [--writers N]

Times from the return of close on A until, on B, stat shows the new size, a read returns the new
content, and ls shows a new name: median, 99th percentile, maximum. Writers are processes that write
files of 4 KiB through A meanwhile.
"""
import argparse
import os
import time
from pathlib import Path

LIMIT = 30


def until(what):
    """Seconds until the condition holds, measured from now."""
    began = time.monotonic()
    while not what():
        if time.monotonic() - began > LIMIT:
            raise SystemExit(f"not visible within {LIMIT} s")
        time.sleep(0.0002)
    return time.monotonic() - began


def write_on(directory, number):
    directory.mkdir(exist_ok=True)
    i = 0
    while True:
        (directory / f"w{number}-{i % 50}").write_bytes(os.urandom(4096))
        i += 1


def measure(a, b, changes):
    times = {"stat": [], "read": [], "ls": []}
    (a / "seen").mkdir()
    (a / "changed").write_bytes(b"")
    until(lambda: (b / "changed").exists() and (b / "seen").exists())
    for i in range(changes):
        data = b"%d " % i * (1 + i % 7) + b"\n"
        (a / "changed").write_bytes(data)
        t = time.monotonic()
        until(lambda: os.stat(b / "changed").st_size == len(data))
        times["stat"].append(time.monotonic() - t)

        data = b"again %d\n" % i
        (a / "changed").write_bytes(data)
        t = time.monotonic()
        until(lambda: (b / "changed").read_bytes() == data)
        times["read"].append(time.monotonic() - t)

        (a / "seen" / f"n{i}").write_bytes(b"")
        t = time.monotonic()
        until(lambda: f"n{i}" in os.listdir(b / "seen"))
        times["ls"].append(time.monotonic() - t)
    return times


def main():
    args = argparse.ArgumentParser()
    args.add_argument("a", type=Path)
    args.add_argument("b", type=Path)
    args.add_argument("--changes", type=int, default=1000)
    args.add_argument("--writers", type=int, default=0)
    o = args.parse_args()
    pids = []
    for number in range(o.writers):
        pid = os.fork()
        if pid == 0:
            write_on(o.a / "load", number)
        pids.append(pid)
    try:
        times = measure(o.a, o.b, o.changes)
    finally:
        for pid in pids:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
    for name, values in times.items():
        values.sort()
        p99 = values[min(len(values) - 1, len(values) * 99 // 100)]
        print(f"{name:5} p50 {values[len(values) // 2] * 1e3:7.2f} ms  p99 {p99 * 1e3:7.2f} ms  "
              f"max {values[-1] * 1e3:7.2f} ms  ({len(values)} changes, {o.writers} writers)")


if __name__ == "__main__":
    main()
