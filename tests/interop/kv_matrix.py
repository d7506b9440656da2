# SPDX-License-Identifier: Apache-2.0
"""The cells about key-value buckets: one made by the client, mounted beside the bucket of objects."""
import os
import subprocess
import time

KEYS = ["plain", "a/b.c", "dots.in.key", "x=1", "UPPER_and-lower"]


class KvWork:
    """tools: the module matrix, for what the cells share."""

    def __init__(self, tools, client):
        self.tools, self.client = tools, client
        self.mount = tools.WORK / "kv"

    def begin(self):
        self.client("kv-make", "k", 5)
        self.mount.mkdir()
        self.tools.ours("mount", "kv:k", self.mount, "-o", f"cache_dir={self.tools.WORK}/cache")

    def end(self):
        if os.path.ismount(self.mount):
            subprocess.run(["umount", str(self.mount)], check=True, timeout=60)

    def value(self, key):
        path = self.tools.WORK / "got"
        path.unlink(missing_ok=True)
        self.client("kv-get", key, path)
        return path.read_bytes()

    def theirs_to_mount(self, key, size):
        self.client("kv-put", key, self.tools.source(size))
        file = self.mount / key
        self.tools.until(f"{key} appears", file.exists)
        self.tools.equal(file.read_bytes(), self.tools.content(size), "content")

    def mount_to_theirs(self, key, size):
        file = self.mount / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(self.tools.content(size))
        self.tools.equal(self.value(key), self.tools.content(size), "value")
        revision = os.getxattr(file, "user.nats.revision").decode()
        self.tools.equal(str(self.client("kv-revision", key)), revision, "revision")

    def deleted(self):
        self.client("kv-put", "goes", self.tools.source(1))
        self.tools.until("it appears", (self.mount / "goes").exists)
        self.client("kv-delete", "goes")
        self.tools.until("it goes", lambda: not (self.mount / "goes").exists())
        (self.mount / "goes").write_bytes(b"again")
        self.tools.equal(self.value("goes"), b"again", "value")
        (self.mount / "goes").unlink()
        self.client.fails("kv-get", "goes", self.tools.WORK / "got")

    def created(self):
        """Whoever creates a key, the other cannot."""
        fd = os.open(self.mount / "lock", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        self.client.fails("kv-create", "lock", self.tools.source(1))
        os.write(fd, b"ours")
        os.close(fd)
        self.tools.equal(self.value("lock"), b"ours", "value")
        os.unlink(self.mount / "lock")
        self.client("kv-create", "lock", self.tools.source(1))
        try:
            os.open(self.mount / "lock", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            return
        raise self.tools.Failed("both created one key")

    def updated(self):
        """Neither overwrites what it has not seen."""
        self.client("kv-put", "seen", self.tools.source(131072))
        self.tools.until("it appears", (self.mount / "seen").exists)
        old = self.client("kv-revision", "seen")
        with open(self.mount / "seen", "r+b", buffering=0) as f:
            f.write(b"HERE")
        self.client.fails("kv-update", "seen", self.tools.source(1), old)
        fd = os.open(self.mount / "seen", os.O_RDWR)
        os.pwrite(fd, b"AND", 4)
        self.client("kv-update", "seen", self.tools.source(1), self.client("kv-revision", "seen"))
        try:
            os.close(fd)
        except OSError:
            self.tools.equal(self.value("seen"), self.tools.content(1), "their value")
            return
        raise self.tools.Failed("the mount overwrote their update")

    def listed(self):
        (self.mount / "listed").mkdir()
        (self.mount / "listed" / "here").write_bytes(b"x")
        self.client("kv-put", "listed/there", self.tools.source(1))
        self.tools.until("it appears", (self.mount / "listed" / "there").exists)
        keys = [k for k in self.client("kv-keys") if k.startswith("listed/")]
        self.tools.equal(sorted(keys), ["listed/here", "listed/there"], "keys")

    def history(self):
        """What the client put and what was written here, as both tell it afterwards."""
        self.client("kv-put", "told", self.tools.source(1))
        self.tools.until("it appears", (self.mount / "told").exists)
        (self.mount / "told").write_bytes(b"two")
        self.client("kv-delete", "told")
        self.tools.until("it goes", lambda: not (self.mount / "told").exists())
        theirs = [[str(r), d] for r, d in self.client("kv-history", "told")]
        directory = self.mount / ".natsobj" / "history" / "told"
        names = sorted(os.listdir(directory), key=lambda n: int(n.split(".")[0]))
        self.tools.equal([[n.split(".")[0], n.endswith(".deleted")] for n in names], theirs, "versions")
        self.tools.equal([(directory / n).read_bytes() for n in names],
                         [self.tools.content(1), b"two", b""], "contents")

    def cells(self):
        for size in (0, 1, 131073, 900000):
            yield f"kv put {size}: theirs → mount", lambda s=size: self.theirs_to_mount(f"t/{s}", s)
            yield f"kv put {size}: mount → theirs", lambda s=size: self.mount_to_theirs(f"o/{s}", s)
        for key in KEYS:
            yield f"kv key {key}: theirs → mount", lambda k=key: self.theirs_to_mount(f"kt/{k}", 1)
            yield f"kv key {key}: mount → theirs", lambda k=key: self.mount_to_theirs(f"ko/{k}", 1)
        yield "kv delete", self.deleted
        yield "kv create", self.created
        yield "kv update", self.updated
        yield "kv keys", self.listed
        yield "kv history", self.history


def cells(tools, client):
    """Each a name and what to do; the first makes and mounts the bucket, the last ends the mount."""
    work = KvWork(tools, client)
    yield "kv bucket", lambda c: work.begin()
    if not os.path.ismount(work.mount):
        return
    for name, run in work.cells():
        yield name, lambda c, run=run: run()
    yield "kv end", lambda c: work.end()
