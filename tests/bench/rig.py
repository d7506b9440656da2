# SPDX-License-Identifier: Apache-2.0
"""What is measured against: a private server, mounts of a bucket, the floor program; and the clock."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import time

TICKS = os.sysconf("SC_CLK_TCK")


def wait_for(what, condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"bench: {what} did not happen within {seconds} s")
        time.sleep(0.01)


def timed(function):
    start = time.monotonic()
    function()
    return time.monotonic() - start


def processor_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak_mb(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


class Programs:
    """Runs programs and adds up the processor time they took; the peak is the largest one's."""

    def __init__(self):
        self.lock = threading.Lock()
        self.seconds, self.peak = 0.0, 0.0

    def run(self, *words, **options):
        options.setdefault("stdout", subprocess.DEVNULL)
        process = subprocess.Popen([str(w) for w in words], **options)
        output = process.stdout.read() if process.stdout else None
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.stdout:
            process.stdout.close()
        if process.returncode != 0:
            sys.exit(f"bench: {' '.join(map(str, words))} ended with {process.returncode}")
        with self.lock:
            self.seconds += usage.ru_utime + usage.ru_stime
            self.peak = max(self.peak, usage.ru_maxrss / 1024)
        return output

    def take(self):
        seconds, peak = self.seconds, self.peak
        self.seconds, self.peak = 0.0, 0.0
        return seconds, peak


class Server:
    def __init__(self, work):
        self.dir = work / "server"
        self.dir.mkdir()
        self.process = subprocess.Popen(
            [os.environ.get("NATS_SERVER", "nats-server"), "-js", "-a", "127.0.0.1", "-p", "-1",
             "-m", "-1", "--ports_file_dir", str(self.dir), "-sd", str(self.dir)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for("the server's start", lambda: any(
            p.read_text().strip() for p in self.dir.glob("*.ports")))
        ports = json.loads(next(self.dir.glob("*.ports")).read_text())
        self.url, self.monitoring = ports["nats"][0], ports["monitoring"][0]
        self.pid = self.process.pid

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Mount:
    """A mount of a bucket; use it with `with`."""

    def __init__(self, rig, directory=None, bucket="bench", options="create"):
        self.rig, self.bucket, self.options = rig, bucket, options
        self.dir = directory or rig.work / "mnt"

    def __enter__(self):
        self.dir.mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            [str(self.rig.program), f"{self.rig.server.url}/{self.bucket}", str(self.dir), "-f",
             "-o", f"{self.options},cache_dir={self.rig.work}/cache"],
            stdout=self.rig.log, stderr=self.rig.log)
        wait_for("the mount", lambda: os.path.ismount(self.dir) or self.process.poll() is not None,
                 600)
        if self.process.poll() is not None:
            sys.exit("bench: the mount did not come up")
        self.pid = self.process.pid
        return self

    def __exit__(self, *exc):
        self.process.terminate()
        if self.process.wait(timeout=300) != 0 and not exc[0]:
            sys.exit("bench: the mount did not end cleanly")


class Rig:
    """
    Everything a row needs. rows[row][column] is a list of seconds, one for each run, in the order
    of the runs, so that a ratio can be taken run by run. Columns are systems (floor, mount, the
    peers); cpu:SYSTEM is the processor seconds per GB of its programs and daemons, server:SYSTEM
    the server's meanwhile, peak:SYSTEM its largest process in MB. scales[row] says what of: ("MB",
    megabytes) is shown as a rate, ("each", count) as the time of one, ("bytes", count) and
    ("number", 1) are no times.
    """

    def __init__(self, build, work, log):
        self.program = build / "mount.natsobj"
        self.floor_program = build / "tests" / "bench" / "floor"
        self.build, self.work, self.log = build, work, log
        self.server = Server(work)
        self.programs = Programs()
        self.rows, self.scales = {}, {}

    def run(self, *words, **options):
        return self.programs.run(*words, **options)

    def note(self, row, scale=None, **values):
        if scale:
            self.scales[row] = scale
        for column, value in values.items():
            self.rows.setdefault(row, {}).setdefault(column, []).append(value)

    def floor(self, *words, bucket="bench"):
        """Seconds that the floor program says its work took."""
        return float(self.run(self.floor_program, words[0], self.server.url, bucket, *words[1:],
                              stdout=subprocess.PIPE, text=True))

    def floors(self, jobs):
        """The same for several at once: the slowest counts."""
        times = [0.0] * len(jobs)

        def one(i):
            times[i] = self.floor(*jobs[i])

        threads = [threading.Thread(target=one, args=(i,)) for i in range(len(jobs))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return max(times)

    def moved(self, row, system, megabytes, work, pids=(), is_on_nats=True):
        """Times work, which returns its seconds itself or None, and what it cost per GB: of the
        programs it runs by self.run and of the daemons with the given pids."""
        pids = list(pids)
        before = [processor_seconds(pid) for pid in pids]
        server = processor_seconds(self.server.pid)
        self.programs.take()
        start = time.monotonic()
        seconds = work()
        seconds = seconds if isinstance(seconds, float) else time.monotonic() - start
        used, peak = self.programs.take()
        used += sum(processor_seconds(pid) for pid in pids) - sum(before)
        gigabytes = megabytes / 1000
        self.note(row, ("MB", megabytes), **{
            system: seconds, f"cpu:{system}": used / gigabytes,
            f"peak:{system}": max([peak_mb(pid) for pid in pids] or [peak])})
        if is_on_nats:
            server = processor_seconds(self.server.pid) - server
            self.note(row, **{f"server:{system}": server / gigabytes})

    def stop(self):
        for directory in self.work.glob("mnt*"):
            subprocess.run(["umount", "-l", str(directory)], stderr=subprocess.DEVNULL)
        self.server.stop()
        shutil.rmtree(self.work, ignore_errors=True)
