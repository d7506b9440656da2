# SPDX-License-Identifier: Apache-2.0
# long
# In a full bucket fsync says so; what it has promised before is in the bucket, and in its place when
# there is room again.
begin bucket_size=64M,purge_delay=0
head -c 8M /dev/urandom >f
cp f "$M/f"
cat >write.py <<'P'
import errno, os, subprocess, sys
f, fill, kept = sys.argv[1:]
fd = os.open(f, os.O_RDWR)
os.pwrite(fd, b"promised", 1000)
os.fsync(fd)
assert open(kept, "rb").read() != open(f, "rb").read()
assert subprocess.run(["dd", "if=/dev/zero", f"of={fill}", "bs=1M", "count=50", "status=none"]).returncode == 0
try:
    for i in range(20): open(f"{fill}{i}", "wb").write(bytes(1 << 20))
except OSError as e: assert e.errno == errno.ENOSPC, e
def fails(call):
    try: call()
    except OSError as e: assert e.errno == errno.ENOSPC, e
    else: sys.exit("it was stored")
os.pwrite(fd, b"not any more", 2000)
fails(lambda: os.fsync(fd))
fails(lambda: os.close(fd))
P
python3 write.py "$M/f" "$M/fill" f
rm "$M"/fill*
printf promised | dd of=f bs=1 seek=1000 conv=notrunc status=none
is_back() { cmp -s f "$M/f"; }
wait_until 40 is_back
unmount_and_wait "$M" "$MOUNT_PID"
mount_at "$M"
same f "$M/f"
end
