# SPDX-License-Identifier: Apache-2.0
"""
What people use instead: other clients of the bucket, and network file systems that are mounted.
Each moves the same file. A client stores into and loads from the same bucket on the same server, an
S3 gateway from another bucket there; other mounts have servers of their own kinds on this machine.
"""
import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys

from rig import wait_for

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache"))
NATS_PY = pathlib.Path(__file__).with_name("nats_py.py")


def first(*paths):
    return next((str(p) for p in paths if p and os.path.exists(p)), None)


def find_natscli():
    """The `nats` command: $NATSCLI, the path, or what tests/interop/run has built."""
    return first(os.environ.get("NATSCLI"), shutil.which("nats"),
                 *CACHE.glob("natsobj-interop/natscli-*/nats"))


def find_nats_py():
    """A Python that can import nats.py."""
    for python in (sys.executable, *CACHE.glob("natsobj-interop/py-*/bin/python")):
        if subprocess.run([str(python), "-c", "import nats"], stderr=subprocess.DEVNULL,
                          check=False).returncode == 0:
            return str(python)
    return None


class Natscli:
    title = "nats object"

    def __init__(self):
        self.program = find_natscli()
        self.missing = None if self.program else "no `nats` command"

    def command(self, rig, verb, *words):
        return lambda: rig.run(self.program, "--server", rig.server.url, "--no-context", "object",
                               verb, "bench", *words, "--force", "--no-progress",
                               stderr=subprocess.DEVNULL)

    def put(self, rig, source, name):
        return self.command(rig, "put", source, "--name", name)

    def get(self, rig, name):
        return self.command(rig, "get", name, "--output", "/dev/null")


class Natsobj:
    """The command of this project."""
    title = "natsobj"
    missing = None

    def command(self, rig, *words):
        return lambda: rig.run(rig.build / "natsobj", "--server", rig.server.url, *words, "--quiet")

    def put(self, rig, source, name):
        return self.command(rig, "put", "bench", source, "--name", name)

    def get(self, rig, name):
        return self.command(rig, "get", "bench", name, "--output", "/dev/null")


class NatsPy:
    title = "nats.py"

    def __init__(self):
        self.python = find_nats_py()
        self.missing = None if self.python else "no Python with nats.py"

    def command(self, rig, *words):
        # It says the time without the start of Python.
        return lambda: float(rig.run(self.python, NATS_PY, rig.server.url, "bench", *words,
                                     stdout=subprocess.PIPE, text=True))

    def put(self, rig, source, name):
        return self.command(rig, "put", name, source)

    def get(self, rig, name):
        return self.command(rig, "get", name)


CLIENTS = {"natsobj": Natsobj, "natscli": Natscli, "nats.py": NatsPy}


@contextlib.contextmanager
def sshfs(rig):
    """Files of this machine through OpenSSH's sftp-server, without a network or encryption."""
    server = first("/usr/lib/openssh/sftp-server", "/usr/libexec/sftp-server")
    source, directory = rig.work / "sshfs-source", rig.work / "mnt-sshfs"
    source.mkdir(exist_ok=True)
    directory.mkdir(exist_ok=True)
    helper = rig.work / "ssh"
    helper.write_text(f'#!/bin/sh\necho $$ >"{rig.work}/sftp.pid"\nexec {server}\n')
    helper.chmod(0o755)
    process = subprocess.Popen(["sshfs", "-f", "-o", f"ssh_command={helper}", f"here:{source}",
                                str(directory)], stdout=rig.log, stderr=rig.log)
    wait_for("the mount by sshfs", lambda: os.path.ismount(directory))
    try:
        yield directory, [process.pid, int((rig.work / "sftp.pid").read_text())]
    finally:
        rig.run("umount", directory)
        process.wait()


@contextlib.contextmanager
def rclone(rig):
    """Files of this machine through rclone's own WebDAV server."""
    source, directory = rig.work / "rclone-source", rig.work / "mnt-rclone"
    source.mkdir(exist_ok=True)
    directory.mkdir(exist_ok=True)
    port = free_port()
    common = {"stdout": rig.log, "stderr": rig.log,
              "env": os.environ | {"RCLONE_CONFIG": "/dev/null"}}
    server = subprocess.Popen(["rclone", "serve", "webdav", str(source), "--addr",
                               f"127.0.0.1:{port}"], **common)
    wait_for("rclone's server", lambda: can_connect(port))
    process = subprocess.Popen(["rclone", "mount", ":webdav:", str(directory), "--webdav-url",
                                f"http://127.0.0.1:{port}"], **common)
    wait_for("the mount by rclone", lambda: os.path.ismount(directory))
    try:
        yield directory, [process.pid, server.pid]
    finally:
        rig.run("umount", directory)
        process.wait()
        server.terminate()
        server.wait()


@contextlib.contextmanager
def s3_gateway(rig):
    """Object stores of the same server as S3 buckets, by the gateway $NATS_S3: its process, and the
    environment in which rclone reaches it."""
    key, secret = "bench-access-key", "bench-secret-key"
    credentials = rig.work / "s3.json"
    credentials.write_text(json.dumps({"credentials": [{"accessKey": key, "secretKey": secret}]}))
    port = free_port()
    process = subprocess.Popen(
        [os.environ["NATS_S3"], "--listen", f"127.0.0.1:{port}", "--natsServers", rig.server.url,
         "--s3.credentials", str(credentials)], stdout=rig.log, stderr=rig.log)
    # What the user has set for another service must not count here.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")} | {
        "RCLONE_CONFIG": "/dev/null", "RCLONE_S3_PROVIDER": "Other", "RCLONE_S3_ACCESS_KEY_ID": key,
        "RCLONE_S3_SECRET_ACCESS_KEY": secret, "RCLONE_S3_REGION": "us-east-1",
        "RCLONE_S3_ENDPOINT": f"http://127.0.0.1:{port}"}
    try:
        wait_for("the S3 gateway", lambda: can_connect(port))
        yield process.pid, environment
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def s3_by_rclone(rig):
    """The gateway's bucket mounted by rclone."""
    directory = rig.work / "mnt-s3-rclone"
    directory.mkdir(exist_ok=True)
    with s3_gateway(rig) as (gateway, environment):
        rig.run("rclone", "mkdir", ":s3:bench-s3", env=environment, stderr=rig.log)
        process = subprocess.Popen(["rclone", "mount", ":s3:bench-s3", str(directory)],
                                   stdout=rig.log, stderr=rig.log, env=environment)
        wait_for("the mount by rclone", lambda: os.path.ismount(directory))
        try:
            yield directory, [process.pid, gateway]
        finally:
            rig.run("umount", directory)
            process.wait()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def can_connect(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


MOUNTS = {"sshfs": sshfs, "rclone": rclone, "nats-s3": s3_by_rclone}
MOUNTS_ON_NATS = {"nats-s3"}


def missing_mount(name):
    if name == "nats-s3":
        if not os.path.exists(os.environ.get("NATS_S3", "")):
            return "$NATS_S3 names no gateway"
        name = "rclone"
    if not shutil.which(name):
        return f"{name} is not installed"
    if name == "sshfs" and not first("/usr/lib/openssh/sftp-server", "/usr/libexec/sftp-server"):
        return "no sftp-server"
    return None
