# SPDX-License-Identifier: Apache-2.0
"""What is measured against: a private server, mounts of one bucket, the floor program, peers."""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

TICKS = os.sysconf("SC_CLK_TCK")


def wait_for(what, condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"bench: {what} did not happen within {seconds} s")
        time.sleep(0.01)


def timed(function):
    start = time.monotonic()
    function()
    return time.monotonic() - start


def run(*words, **options):
    options.setdefault("stdout", subprocess.DEVNULL)
    subprocess.run([str(w) for w in words], check=True, **options)


def processor_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak_mb(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


class Server:
    def __init__(self, work):
        self.dir = work / "server"
        self.dir.mkdir()
        self.process = subprocess.Popen(
            [os.environ.get("NATS_SERVER", "nats-server"), "-js", "-a", "127.0.0.1", "-p", "-1",
             "--ports_file_dir", str(self.dir), "-sd", str(self.dir)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for("the server's start", lambda: any(
            p.read_text().strip() for p in self.dir.glob("*.ports")))
        self.url = json.loads(next(self.dir.glob("*.ports")).read_text())["nats"][0]
        self.pid = self.process.pid

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Mount:
    """A mount of the bucket; use it with `with`. cpu and peak are of its daemon."""

    def __init__(self, rig, directory=None, bucket="bench", options="create"):
        self.rig, self.bucket, self.options = rig, bucket, options
        self.dir = directory or rig.work / "mnt"

    def __enter__(self):
        self.dir.mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            [str(self.rig.program), f"{self.rig.server.url}/{self.bucket}", str(self.dir), "-f",
             "-o", f"{self.options},cache_dir={self.rig.work}/cache"],
            stdout=self.rig.log, stderr=self.rig.log)
        wait_for("the mount", lambda: os.path.ismount(self.dir) or self.process.poll() is not None)
        if self.process.poll() is not None:
            sys.exit("bench: the mount did not come up")
        self.pid = self.process.pid
        return self

    def __exit__(self, *exc):
        self.process.terminate()
        if self.process.wait(timeout=300) != 0 and not exc[0]:
            sys.exit("bench: the mount did not end cleanly")


class Rig:
    """Everything a row needs. Figures go to rows[name][column] as lists, one value for each run."""

    def __init__(self, build, work, log):
        self.program = build / "mount.natsobj"
        self.floor_program = build / "tests" / "bench" / "floor"
        self.work, self.log = work, log
        self.server = Server(work)
        self.rows = {}

    def note(self, row, **values):
        for column, value in values.items():
            self.rows.setdefault(row, {}).setdefault(column, []).append(value)

    def floor(self, *words):
        """Seconds that the floor program says its work took."""
        done = subprocess.run([str(self.floor_program), words[0], self.server.url, "bench",
                               *map(str, words[1:])], check=True, capture_output=True, text=True)
        return float(done.stdout)

    def floors(self, jobs):
        """The same for several at once: the slowest counts."""
        started = [subprocess.Popen([str(self.floor_program), words[0], self.server.url, "bench",
                                     *map(str, words[1:])], stdout=subprocess.PIPE, text=True)
                   for words in jobs]
        times = [float(p.communicate()[0]) for p in started]
        if any(p.returncode for p in started):
            sys.exit("bench: a floor program failed")
        return max(times)

    def measure(self, row, column, mount, function, gigabytes=0):
        """Times function; with gigabytes also processor seconds per GB of daemon and server."""
        before = processor_seconds(mount.pid), processor_seconds(self.server.pid)
        self.note(row, **{column: timed(function)})
        if gigabytes:
            self.note(row, cpu=(processor_seconds(mount.pid) - before[0]) / gigabytes,
                      server_cpu=(processor_seconds(self.server.pid) - before[1]) / gigabytes,
                      peak=peak_mb(mount.pid))

    def stop(self):
        for directory in self.work.glob("mnt*"):
            subprocess.run(["umount", "-l", str(directory)], stderr=subprocess.DEVNULL)
        self.server.stop()
        shutil.rmtree(self.work, ignore_errors=True)


@contextlib.contextmanager
def sshfs_mount(rig):
    """The peer that most people have: files of this machine through sshd's sftp-server, no network."""
    server = next((p for p in ("/usr/lib/openssh/sftp-server", "/usr/libexec/sftp-server")
                   if os.path.exists(p)), None)
    if not shutil.which("sshfs") or not server:
        yield None
        return
    source, directory = rig.work / "sshfs-source", rig.work / "mnt-sshfs"
    source.mkdir(exist_ok=True)
    directory.mkdir(exist_ok=True)
    helper = rig.work / "ssh"
    helper.write_text(f"#!/bin/sh\nexec {server}\n")
    helper.chmod(0o755)
    run("sshfs", "-o", f"ssh_command={helper}", f"here:{source}", directory)
    try:
        yield directory
    finally:
        run("umount", directory)
