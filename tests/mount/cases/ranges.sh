# SPDX-License-Identifier: Apache-2.0
# fallocate, holes, copy_file_range, O_SYNC and O_DIRECT do to a file on the mount what they do to one
# on the local disk.
begin bucket_size=256M
head -c 700000 /dev/urandom >f
cp f "$M/f"
python3 - "$M" "$WORK" <<'P'
import ctypes, errno, mmap, os, sys
mnt, local = sys.argv[1], sys.argv[2]
libc = ctypes.CDLL(None, use_errno=True)
libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]
KEEP, PUNCH, COLLAPSE, ZERO, INSERT = 1, 2, 8, 16, 32

def fallocate(fd, mode, off, length):
    return 0 if libc.fallocate(fd, mode, off, length) == 0 else ctypes.get_errno()

def zero(fd, mode, off, length):
    error = fallocate(fd, ZERO | mode, off, length)
    # A tmpfs, which the local disk may be, cannot: the same by writing.
    if error == errno.EOPNOTSUPP and os.fstat(fd).st_dev == os.stat(local).st_dev:
        end = min(off + length, os.fstat(fd).st_size) if mode & KEEP else off + length
        error = 0 if os.pwrite(fd, bytes(end - off), off) == end - off else errno.EIO
    return error

def both(step):
    results = []
    for d in (mnt, local):
        fd = os.open(d + "/f", os.O_RDWR)
        try: results.append(step(fd))
        except OSError as e: results.append(errno.errorcode[e.errno])
        os.close(fd)
    assert results[0] == results[1], results
    a, b = open(mnt + "/f", "rb").read(), open(local + "/f", "rb").read()
    assert len(a) == len(b), (len(a), len(b))
    assert a == b

both(lambda fd: fallocate(fd, PUNCH | KEEP, 1000, 200000))
both(lambda fd: zero(fd, 0, 300000, 5000))
both(lambda fd: zero(fd, 0, 690000, 20000))         # grows
both(lambda fd: zero(fd, KEEP, 700000, 90000))      # does not
both(lambda fd: fallocate(fd, 0, 100, 900000))
both(lambda fd: fallocate(fd, KEEP, 0, 5000000))
both(lambda fd: fallocate(fd, 0, 5, 0))
both(lambda fd: os.copy_file_range(fd, fd, 30000, 250000, 500000))
both(lambda fd: os.copy_file_range(fd, fd, 30000, 0, 10))    # overlaps
both(lambda fd: (os.ftruncate(fd, 800000), os.lseek(fd, 800000, os.SEEK_DATA)))

fd = os.open(mnt + "/f", os.O_RDWR)
for mode in (COLLAPSE, INSERT):
    assert fallocate(fd, mode, 0, 4096) == errno.EOPNOTSUPP
# Holes of what is not stored yet; stored content has none.
assert os.lseek(fd, 10, os.SEEK_HOLE) == 800000
assert fallocate(fd, PUNCH | KEEP, 4096, 8192) == 0
assert os.lseek(fd, 0, os.SEEK_HOLE) == 4096
assert os.lseek(fd, 4096, os.SEEK_DATA) == 4096 + 8192
os.ftruncate(fd, 1000000)
assert os.lseek(fd, 20000, os.SEEK_HOLE) == 800000
try: os.lseek(fd, 900000, os.SEEK_DATA)
except OSError as e: assert e.errno == errno.ENXIO
else: sys.exit("data found in a hole")
os.close(fd)

# The bucket has not so much room, and says so at once.
fd = os.open(mnt + "/big", os.O_RDWR | os.O_CREAT)
for step in (lambda: os.ftruncate(fd, 1 << 40), lambda: os.posix_fallocate(fd, 0, 1 << 40),
             lambda: os.pwrite(fd, b"x", 1 << 40)):
    try: step()
    except OSError as e: assert e.errno == errno.ENOSPC, e
    else: sys.exit("room for 1 TiB in a bucket of 256 MiB")
os.pwrite(fd, b"small", 0)
os.close(fd)
assert open(mnt + "/big", "rb").read() == b"small"

# Direct: whole blocks around the page cache.
fd = os.open(mnt + "/direct", os.O_RDWR | os.O_CREAT | os.O_DIRECT)
block = mmap.mmap(-1, 1 << 20)
block.write(os.urandom(1 << 20))
assert os.pwritev(fd, [block], 0) == 1 << 20
assert os.pwritev(fd, [block], 512 << 10) == 1 << 20
back = mmap.mmap(-1, 1 << 20)
assert os.preadv(fd, [back], 512 << 10) == 1 << 20
assert back[:] == block[:]
os.close(fd)
got = open(mnt + "/direct", "rb").read()
assert got == block[:512 << 10] + block[:]
P
# What may change the content sets its times, also where it leaves the content as it is.
python3 - "$M/timed" <<'P'
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
KEEP, PUNCH, ZERO = 1, 2, 16
def allocate(fd, mode, off, n): assert libc.fallocate(fd, mode, ctypes.c_long(off), ctypes.c_long(n)) == 0
path = sys.argv[1]
with open(path, "w") as f: f.write("x" * 1000)
os.chmod(path, 0o4755)
for name, change in {
        "allocate inside": lambda fd: allocate(fd, 0, 0, 5),
        "allocate beyond, size kept": lambda fd: allocate(fd, KEEP, 0, 5000),
        "punch beyond": lambda fd: allocate(fd, KEEP | PUNCH, 100000, 5),
        "zero beyond, size kept": lambda fd: allocate(fd, KEEP | ZERO, 100000, 5),
        "ftruncate": lambda fd: os.ftruncate(fd, 1000),
        "truncate": lambda fd: os.truncate(path, 1000)}.items():
    os.utime(path, (1000, 1000))
    before = os.stat(path).st_ctime_ns
    fd = os.open(path, os.O_RDWR)
    change(fd)
    st = os.fstat(fd)
    assert st.st_mtime > 2000 and st.st_ctime_ns > before and st.st_size == 1000, (name, st)
    os.close(fd)
    assert os.stat(path).st_mtime_ns == st.st_mtime_ns, name
assert open(path).read() == "x" * 1000
P
# A synchronous write is in the bucket when it returns, before any close.
python3 - "$M/sync" <<'P' &
import os, sys, time
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_SYNC)
os.write(fd, b"acknowledged")
open("written", "w").close()
time.sleep(1000)
P
holder=$!
wait_until 20 test -e written
assert_eq "$("$NATSOBJ" --server "$URL" get b sync --output -)" acknowledged
kill $holder
wait $holder || true
# The process's own limit.
(ulimit -f 100; trap '' XFSZ; must_fail "File too large" dd if=/dev/zero of="$M/limited" bs=64k count=4 status=none)
assert_eq "$(stat -c %s "$M/limited")" 102400
end
