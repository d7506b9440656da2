# SPDX-License-Identifier: Apache-2.0
"""What workers did and saw, and whether the promises allow it.

A history is a list of dicts with the keys op, name, t0 and t1 (monotonic seconds at which the call
began and had returned). Writes carry the version they stored (v) and ok; a write that is not ok may
have happened at any time from t0 on. Reads carry the version seen, None for an absent file.
"""
import hashlib
from bisect import bisect_left
from collections import defaultdict

FOREVER = float("inf")
# What a read that found no file says of the leader: no message of the name, not even a tombstone.
NOTHING = "nothing"


def content(version, size):
    """The bytes of a version: they say which it is, and no two versions share a part."""
    head = f"{version} {size}\n".encode()
    unit = hashlib.sha256(version.encode()).hexdigest().encode() + b"\n"
    return (head + unit * (size // len(unit) + 1))[:max(size, len(head))]


def version_of(data):
    """The version whose content begins with data, and whether data is all of it; (None, False) for
    bytes that no version begins with."""
    head, newline, _ = data[:200].partition(b"\n")
    if not newline or head.count(b" ") != 1:
        return None, False
    version, size = head.decode("ascii", "replace").split(" ")
    if not size.isdigit():
        return None, False
    whole = content(version, int(size))
    return (version, data == whole) if whole.startswith(data) else (None, False)


class Spans:
    """Operations by the time at which they began."""

    def __init__(self, ops):
        ops = sorted(ops, key=lambda op: op["t0"])
        self.starts = [op["t0"] for op in ops]
        self.latest_ends = []
        latest = -FOREVER
        for op in ops:
            latest = max(latest, end_of(op))
            self.latest_ends.append(latest)

    def latest_end(self, time):
        """When the last of those ended that began before time."""
        n = bisect_left(self.starts, time)
        return self.latest_ends[n - 1] if n else -FOREVER


def end_of(op):
    return op["t1"] if op["ok"] else FOREVER


class Register:
    """All that happened to one name."""

    def __init__(self, name, ops):
        self.name = name
        self.writes = [op for op in ops if op["op"] in ("write", "unlink")]
        self.reads = [op for op in ops if op["op"] == "read"]
        self.unlinks = Spans(op for op in self.writes if op["op"] == "unlink")
        self.by_version = {op["v"]: op for op in self.writes if op["op"] == "write"}
        done = sorted((op["t1"], op["t0"]) for op in self.writes if op["ok"])
        self.ends = [t1 for t1, _ in done]
        self.latest_starts = []
        latest = -FOREVER
        for _, t0 in done:
            latest = max(latest, t0)
            self.latest_starts.append(latest)

    def horizon(self, time):
        """Whatever had ended before this is not the newest any more for an open at time."""
        n = bisect_left(self.ends, time)
        return self.latest_starts[n - 1] if n else -FOREVER

    def is_allowed(self, version, opened, closed):
        horizon = self.horizon(opened)
        if version is not None:
            op = self.by_version.get(version)
            return op is not None and op["t0"] < closed and end_of(op) >= horizon
        return horizon == -FOREVER or self.unlinks.latest_end(closed) >= horizon

    def violations(self):
        for read in self.reads:
            if not self.is_allowed(read["v"], read["t0"], read["t1"]):
                what = "lost at the server" if read.get("leader") == NOTHING else "stale"
                yield f"{self.name}: {what}: {describe(read)}; horizon {self.horizon(read['t0']):.6f}" \
                      f"; written {describe(self.by_version.get(read['v']))}"


def describe(op):
    if op is None:
        return "never"
    rest = {k: v for k, v in op.items() if k not in ("t0", "t1")}
    return f"{rest} from {op['t0']:.6f} to {op['t1']:.6f}"


def check_registers(history):
    names = defaultdict(list)
    for op in history:
        if op["op"] in ("write", "unlink", "read"):
            names[op["name"]].append(op)
    registers = {name: Register(name, ops) for name, ops in names.items()}
    return registers, [v for r in registers.values() for v in r.violations()]


def check_races(history):
    """Every name that several tried to make has one winner."""
    names = defaultdict(list)
    for op in history:
        if op["op"] == "race":
            names[op["name"]].append(op)
    for name, ops in names.items():
        winners = [op for op in ops if op["result"] == "won"]
        unsure = [op for op in ops if op["result"] not in ("won", "lost")]
        if len(winners) > 1 or (not winners and not unsure):
            yield f"{name}: {len(winners)} winners: " + "; ".join(describe(op) for op in ops)
