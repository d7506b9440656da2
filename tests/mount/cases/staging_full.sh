# SPDX-License-Identifier: Apache-2.0
# The disk of the staging files is full: an error that says so, and nothing is lost that was accepted.
[ "$(id -u)" = 0 ] || skip "only root can make a small disk"
mkdir -p "$WORK/cache"
mount -t tmpfs -o size=4M tmpfs "$WORK/cache" || skip "tmpfs cannot be mounted"
begin
head -c 24M /dev/urandom >big
cp big "$M/big"
python3 - big "$M/big" <<'P'
import errno, os, sys
local, remote = (os.open(p, os.O_RDWR) for p in sys.argv[1:])
block = os.urandom(1 << 20)
for i in range(0, 24, 2):
    try:
        done = os.pwrite(remote, block, i << 20)
    except OSError as e:
        assert e.errno == errno.ENOSPC, e
        break
    os.pwrite(local, block[:done], i << 20)
else:
    sys.exit("12 MiB on a disk of 4 MiB")
assert i >= 4, i
os.close(remote)
P
same big "$M/big"
# Written in order nothing needs the disk.
cp big "$M/copy"
same big "$M/copy"
end
umount "$WORK/cache"
