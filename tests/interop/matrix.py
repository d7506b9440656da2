# SPDX-License-Identifier: Apache-2.0
"""The work that one client and natsobj do for each other; see README.md.

matrix.py CLIENT URL BUCKET MOUNT NATSOBJ WORK DRIVER… @ …   prints a line for each cell; URL and bucket
take the place of @."""
import hashlib
import json
import os
import pathlib
import random
import subprocess
import sys
import threading
import time

import kv_matrix

CLIENT, URL, BUCKET, MOUNT, NATSOBJ, WORK = sys.argv[1:7]
DRIVER = sys.argv[7:]
MOUNT, WORK = pathlib.Path(MOUNT), pathlib.Path(WORK)

SIZES = [0, 1, 131071, 131072, 131073, 3145728]
LARGE = 64 << 20
NAMES = ["plain", "sub/dir/file", "with space/and more", "ünï/é", "名前", "a*b>c", ".hidden",
         "dots.in.name..txt", "q?~x", "quote\"back\\slash"]

# Those whose drivers know key-value buckets.
KV_CLIENTS = ["nats.py", "nats.go", "nats.go-legacy", "natscli"]

# What a client cannot do by its own fault: (test of the cell's name, reason).
LATIN1 = "it puts Latin-1 code points of a name into the subject where others put UTF-8"
EXCUSES = {
    "jnats": [(lambda cell: cell == "name q?~x: mount → theirs",
               "it puts another base64 alphabet into the subject than the protocol's")],
    "nats.js": [(lambda cell: "名前" in cell or "ünï/é: mount" in cell, LATIN1),
                (lambda cell: cell == "put 64 MiB: mount → theirs",
                 "its get stalls at the server's first flow control request (nats.js #430)")],
}


class Failed(Exception):
    pass


class Skipped(Exception):
    pass


class Client:
    def __init__(self):
        at = DRIVER.index("@")  # where URL and bucket go
        self.process = subprocess.Popen(
            [*DRIVER[:at], URL, BUCKET, *DRIVER[at + 1:]], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=open(WORK / "log.client", "ab"), text=True,
            encoding="utf-8")

    def answer(self, *words):
        self.process.stdin.write("\t".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        timer = threading.Timer(90, self.process.kill)
        timer.start()
        line = self.process.stdout.readline().rstrip("\n")
        timer.cancel()
        if not line:
            raise Failed(f"no answer to {words}")
        return line

    def __call__(self, *words):
        answer = self.answer(*words)
        word, _, rest = answer.partition(" ")
        if word == "unsupported":
            raise Skipped(rest)
        if word != "ok":
            raise Failed(f"{words[0]} {words[1:2]}: {answer}")
        return json.loads(rest) if rest else None

    def fails(self, *words):
        word, _, rest = self.answer(*words).partition(" ")
        if word == "unsupported":
            raise Skipped(rest)
        if word != "error":
            raise Failed(f"{words[:2]} should have failed")


def ours(*words, data=None):
    done = subprocess.run([NATSOBJ, *map(str, words), "--server", URL], input=data,
                          capture_output=True, check=False, timeout=90)
    if done.returncode != 0:
        raise Failed(f"natsobj {words}: {done.stderr.decode().strip()}")
    return done.stdout


def until(what, condition, seconds=15):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {seconds} s")
        time.sleep(0.02)


def equal(got, expected, what):
    if got != expected:
        got, expected = (f"{len(x)} bytes" if isinstance(x, bytes) else repr(x) for x in (got, expected))
        raise Failed(f"{what}: {got} instead of {expected}")


def content(size):
    return random.Random(size).randbytes(size)


def source(size):
    path = WORK / f"in-{size}"
    if not path.exists():
        path.write_bytes(content(size))
    return path


def fetched(client, name):
    path = WORK / "got"
    path.unlink(missing_ok=True)
    client("get", name, path)
    return path.read_bytes()


def theirs_to_mount(client, verb, name, size):
    client(verb, name, source(size))
    file = MOUNT / name
    until(f"{name} appears", file.exists)
    equal(file.stat().st_size, size, "size")
    equal(file.read_bytes(), content(size), "content")


def theirs_to_command(client, name, size):
    client("put", name, source(size))
    equal(ours("get", BUCKET, name, "--output", "-"), content(size), "content")


def mount_to_theirs(client, name, size):
    file = MOUNT / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content(size))
    equal(fetched(client, name), content(size), "content")
    if CLIENT != "natscli":
        equal(client("info", name)["size"], size, "size in info")


def command_to_theirs(client, name, size):
    ours("put", BUCKET, source(size), "--name", name)
    equal(fetched(client, name), content(size), "content")


def replaced(client, size):
    """Both sides write one name in turn; whoever reads sees the last."""
    client("put", "turns", source(size))
    until("turns appears", (MOUNT / "turns").exists)
    equal((MOUNT / "turns").read_bytes(), content(size), "theirs in the mount")
    (MOUNT / "turns").write_bytes(content(size + 1))
    equal(fetched(client, "turns"), content(size + 1), "ours at the client")


def changed_in_place(client):
    """Written in odd pieces and patched here, read there."""
    data = bytearray(content(3145728))
    with open(MOUNT / "odd", "wb", buffering=4321) as f:
        f.write(data)
    with open(MOUNT / "odd", "r+b") as f:
        f.seek(200000)
        f.write(b"HERE")
    data[200000:200004] = b"HERE"
    equal(fetched(client, "odd"), bytes(data), "content")


def listed(client):
    (MOUNT / "listed-here").write_bytes(b"x")
    client("put", "listed-there", source(1))
    until("the name appears", (MOUNT / "listed-there").exists)
    names = client("list")
    for name in ("listed-here", "listed-there"):
        if name not in names:
            raise Failed(f"{name} is not in the client's list")
    (MOUNT / "listed-here").unlink()
    # Who reads every metadata message sees a replaced one until it is removed.
    until("the deleted name leaves the client's list", lambda: "listed-here" not in client("list"))
    if "listed-there" not in os.listdir(MOUNT):
        raise Failed("the client's object is not in our listing")


def deleted_there(client):
    client("put", "goes", source(131072))
    until("it appears", (MOUNT / "goes").exists)
    client("delete", "goes")
    until("it goes", lambda: not (MOUNT / "goes").exists())
    client("put", "goes", source(131073))
    until("it comes back", (MOUNT / "goes").exists)
    equal((MOUNT / "goes").read_bytes(), content(131073), "content")


def deleted_here(client):
    client("put", "taken", source(131072))
    until("it appears", (MOUNT / "taken").exists)
    (MOUNT / "taken").unlink()
    client.fails("get", "taken", WORK / "got")
    client("put", "taken", source(1))
    equal(fetched(client, "taken"), content(1), "content after it was made again")


def renamed_there(client):
    client("put", "old-name", source(131073))
    until("it appears", (MOUNT / "old-name").exists)
    client("rename", "old-name", "new-name")
    until("the new name appears", (MOUNT / "new-name").exists)
    equal((MOUNT / "new-name").read_bytes(), content(131073), "content")
    until("the old name goes", lambda: not (MOUNT / "old-name").exists())


def renamed_here(client):
    client("put", "was", source(131073))
    until("it appears", (MOUNT / "was").exists)
    (MOUNT / "was").rename(MOUNT / "is")
    equal(fetched(client, "is"), content(131073), "content")
    client.fails("get", "was", WORK / "got")


def described_there(client):
    """A change of the description leaves content and, where the client keeps it, mode."""
    (MOUNT / "described").write_bytes(content(131073))
    client("describe", "described", "a word")
    equal((MOUNT / "described").read_bytes(), content(131073), "content")
    until("the description appears",
          lambda: b"a word" in ours("info", BUCKET, "described"))


def linked_there(client):
    client("put", "target", source(131073))
    client("link", "link-there", "target")
    until("the link appears", lambda: os.path.lexists(MOUNT / "link-there"))
    equal((MOUNT / "link-there").read_bytes(), content(131073), "content through the link")


def linked_here(client):
    (MOUNT / "target-here").write_bytes(content(131073))
    os.symlink("target-here", MOUNT / "link-here")
    equal(fetched(client, "link-here"), content(131073), "content through the link")


def watched(client):
    client("watch")
    time.sleep(0.5)
    (MOUNT / "watched-1").write_bytes(b"one")
    (MOUNT / "watched-1").unlink()
    ours("put", BUCKET, source(1), "--name", "watched-2")

    def all_seen():
        seen = [tuple(x) for x in client("seen")]
        return ("watched-1", False) in seen and ("watched-1", True) in seen and \
            ("watched-2", False) in seen
    until("the watch shows all", all_seen, 20)


def handled(client):
    """FastStream: files copied into the mount wake the handler, which reads them."""
    client("watch")
    time.sleep(1)
    for size in (1, 131073):
        (MOUNT / f"handled-{size}").write_bytes(content(size))
    want = {f"handled-{size}": hashlib.sha256(content(size)).hexdigest() for size in (1, 131073)}
    until("the handler has both",
          lambda: want.items() <= dict(map(tuple, client("seen"))).items(), 30)


def together(client):
    """Both sides write many names and fight for one; nothing is lost or mixed."""
    def write_here():
        for i in range(15):
            (MOUNT / f"at-once-here-{i}").write_bytes(content(131073))
            (MOUNT / "fought-for").write_bytes(content(3145728))
    thread = threading.Thread(target=write_here)
    thread.start()
    for i in range(15):
        client("put", f"at-once-there-{i}", source(131072))
        client("put", "fought-for", source(131071))
    thread.join()
    for i in range(15):
        equal(fetched(client, f"at-once-here-{i}"), content(131073), "ours")
        equal((MOUNT / f"at-once-there-{i}").read_bytes(), content(131072), "theirs")
    if (MOUNT / "fought-for").read_bytes() not in (content(3145728), content(131071)):
        raise Failed("the name both wrote has a content that nobody wrote")
    if fetched(client, "fought-for") != (MOUNT / "fought-for").read_bytes():
        raise Failed("the two sides read different contents")


def cells():
    if CLIENT == "faststream":
        yield "watch handler", handled
        return
    for size in SIZES:
        yield f"put {size}: theirs → mount", lambda c, s=size: theirs_to_mount(c, "put", f"t/{s}", s)
        yield f"pipe {size}: theirs → mount", lambda c, s=size: theirs_to_mount(c, "pipe", f"p/{s}", s)
        yield f"put {size}: theirs → command", lambda c, s=size: theirs_to_command(c, f"tc/{s}", s)
        yield f"put {size}: mount → theirs", lambda c, s=size: mount_to_theirs(c, f"o/{s}", s)
        yield f"put {size}: command → theirs", lambda c, s=size: command_to_theirs(c, f"oc/{s}", s)
        yield f"replace {size}", lambda c, s=size: replaced(c, s)
    yield "put 64 MiB: theirs → mount", lambda c: theirs_to_mount(c, "put", "large", LARGE)
    yield "put 64 MiB: mount → theirs", lambda c: mount_to_theirs(c, "large-o", LARGE)
    for name in NAMES:
        yield f"name {name}: theirs → mount", \
            lambda c, n=name: theirs_to_mount(c, "put", f"nt/{n}", 131073)
        yield f"name {name}: mount → theirs", lambda c, n=name: mount_to_theirs(c, f"no/{n}", 131073)
        yield f"name {name}: theirs → command", lambda c, n=name: theirs_to_command(c, f"nc/{n}", 1)
    yield "change in place", changed_in_place
    yield "list", listed
    yield "delete there", deleted_there
    yield "delete here", deleted_here
    yield "rename there", renamed_there
    yield "rename here", renamed_here
    yield "describe there", described_there
    yield "link there", linked_there
    yield "link here", linked_here
    yield "watch", watched
    yield "at once", together


def all_cells(client):
    yield from cells()
    if CLIENT in KV_CLIENTS:
        yield from kv_matrix.cells(sys.modules[__name__], client)


def main():
    client = Client()
    failed = 0
    for name, run in all_cells(client):
        excuse = next((why for test, why in EXCUSES.get(CLIENT, []) if test(name)), None)
        try:
            if excuse:
                raise Skipped(excuse)
            run(client)
            print(f"ok      interop/{CLIENT}: {name}", flush=True)
        except Skipped as e:
            print(f"skipped interop/{CLIENT}: {name}: {e}", flush=True)
        except (Failed, OSError, subprocess.SubprocessError) as e:
            failed += 1
            print(f"FAILED  interop/{CLIENT}: {name}: {e}", flush=True)
            if client.process.poll() is not None:
                client = Client()
    sys.exit(1 if failed else 0)


main()
