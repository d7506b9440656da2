# SPDX-License-Identifier: Apache-2.0
# Several descriptors and processes on one file, and files that are unlinked, replaced or run while
# they are open.
begin
first=$MOUNT_PID B=$WORK/other
mount_at "$B"
python3 - "$M" <<'P'
import os, signal, subprocess, sys
d = sys.argv[1]
big = os.urandom(1500000)
# What another process has written and not closed can be read, also what was sent already.
w = os.open(d + "/f", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
os.write(w, big)
assert subprocess.run(["cat", d + "/f"], capture_output=True, check=True).stdout == big
# A second writer, and a reader that was there before.
r = os.open(d + "/f", os.O_RDONLY)
w2 = os.open(d + "/f", os.O_RDWR)
os.pwrite(w2, b"second", 100)
os.pwrite(w, b"first", 700000)
want = bytearray(big)
want[100:106] = b"second"
want[700000:700005] = b"first"
assert os.pread(r, len(want) + 1, 0) == want
# Closing one keeps the other's work going.
os.close(w)
os.pwrite(w2, b"later", 1400000)
want[1400000:1400005] = b"later"
assert os.pread(r, len(want) + 1, 0) == want
os.close(w2)
assert open(d + "/f", "rb").read() == want
# ftruncate through a descriptor for writing only, and O_TRUNC while others read.
w = os.open(d + "/f", os.O_WRONLY)
os.ftruncate(w, 10)
assert os.fstat(r).st_size == 10 and os.pread(r, 20, 0) == want[:10]
os.ftruncate(w, 12)
assert os.pread(r, 20, 0) == want[:10] + b"\0\0"
t = os.open(d + "/f", os.O_WRONLY | os.O_TRUNC)
assert os.pread(r, 20, 0) == b""
os.write(t, b"new")
os.close(t)
os.close(w)
assert os.pread(r, 20, 0) == b"new"
os.close(r)
# Unlinked and replaced: the old content until the last close, changes included.
open(d + "/gone", "wb").write(big)
r = os.open(d + "/gone", os.O_RDWR)
os.unlink(d + "/gone")
os.pwrite(r, b"change", 1000000)
changed = bytearray(big)
changed[1000000:1000006] = b"change"
assert os.pread(r, len(big) + 1, 0) == changed
assert os.fstat(r).st_nlink == 0
assert open(f"/proc/self/fd/{r}", "rb").read() == changed
open(d + "/gone", "w").write("another")
assert os.pread(r, 5, 0) == changed[:5]
os.close(r)
assert open(d + "/gone").read() == "another"
open(d + "/a", "wb").write(big)
open(d + "/b", "w").write("b")
r = os.open(d + "/a", os.O_RDONLY)
os.rename(d + "/b", d + "/a")
assert os.pread(r, len(big) + 1, 0) == big
assert open(d + "/a").read() == "b"
os.close(r)
# Renamed while it is written.
w = os.open(d + "/w1", os.O_WRONLY | os.O_CREAT)
os.write(w, b"one ")
os.rename(d + "/w1", d + "/w2")
os.write(w, b"two")
os.close(w)
assert open(d + "/w2").read() == "one two"
# A program that a process starts does not get the descriptor, which the kernel closes on the way.
signal.alarm(20)
w = os.open(d + "/lock", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC)
os.write(w, b"unsaved")
assert subprocess.run(["true"], close_fds=False).returncode == 0
os.close(w)
signal.alarm(0)
assert open(d + "/lock").read() == "unsaved"
# A program just written runs.
for i in range(20):
    p = d + "/prog%d" % (i % 3)
    fd = os.open(p, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o755)
    os.write(fd, b"#!/bin/sh\necho run %d\n" % i)
    os.close(fd)
    assert subprocess.run([p], capture_output=True, check=True).stdout == b"run %d\n" % i
P
cp /bin/true "$M/true"
"$M/true"
# Many commands share a redirection: the other host sees all or nothing, and in order.
{ for i in $(seq 50); do echo "$i"; [ $((i % 10)) != 0 ] || /bin/echo "ten"; done; } >"$M/shared"
for i in $(seq 50); do echo "$i"; [ $((i % 10)) != 0 ] || echo "ten"; done >expected
same expected "$B/shared"
unmount_and_wait "$B" "$MOUNT_PID"
unmount_and_wait "$M" "$first"
