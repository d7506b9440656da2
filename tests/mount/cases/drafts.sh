# SPDX-License-Identifier: Apache-2.0
# A change of a large stored file keeps only what changed until it is stored; small files never touch
# the staging disk, which has a limit of its own.
begin staging_size=8M
staged() { find "/proc/$MOUNT_PID/fd" -lname "$WORK/cache/*" -printf x | wc -c; }
head -c 48M /dev/urandom >big
cp big "$M/big"
umount "$M" && wait "$MOUNT_PID"
mount_at "$M" staging_size=8M
python3 - "$M/big" big "$MOUNT_PID" "$WORK/cache" <<'P'
import glob, os, sys
path, local, pid, cache = sys.argv[1:]
fds = [os.open(path, os.O_RDWR), os.open(local, os.O_RDWR)]
for at in (5, 20 << 20, 30 << 20, (48 << 20) - 3, 40 << 20):
    for fd in fds: os.pwrite(fd, b"changed %d" % at, at)
for fd in fds: os.ftruncate(fd, 47 << 20)
assert os.pread(fds[0], 100, (20 << 20) - 50) == os.pread(fds[1], 100, (20 << 20) - 50)
files = [f for f in glob.glob("/proc/%s/fd/*" % pid) if os.readlink(f).startswith(cache + "/")]
used = sum(os.stat(f).st_blocks * 512 for f in files)
assert files and used < 1 << 20, (files, used)
for fd in fds: os.close(fd)
P
same big "$M/big"
assert_eq "$(staged)" 0
# Small: changed in the middle, rewritten, grown, without a staging file.
head -c 600000 /dev/urandom >small
cp small "$M/small"
exec 5<>"$M/small"
for file in small "$M/small"; do
  dd if=big of="$file" bs=1000 seek=100 count=300 conv=notrunc status=none
  truncate -s 1000000 "$file"
  dd if=big of="$file" bs=1000 seek=150 count=10 conv=notrunc status=none
done
assert_eq "$(staged)" 0
same small "$M/small"
exec 5>&-
# More than the staging limit: an error that names the reason. What was accepted before is kept.
must_fail "No space left" dd if=/dev/urandom of="$M/big" bs=1M count=20 seek=10 conv=notrunc status=none
assert_eq "$(stat -c %s "$M/big")" $((47 << 20))
cmp -n $((10 << 20)) big "$M/big" || fail "what was before the changes is not there any more"
python3 - "$M/big" <<'P'
import errno, os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
done = 0
try:
    while done < 20: done += os.pwrite(fd, b"x" * (1 << 20), done << 21) >> 20
except OSError as e: assert e.errno == errno.ENOSPC, e
else: sys.exit("20 MiB in 8 MiB")
assert done >= 6, done
os.ftruncate(fd, 0)
os.close(fd)
P
assert_eq "$(stat -c %s "$M/big")" 0
assert_eq "$(staged)" 0
end
