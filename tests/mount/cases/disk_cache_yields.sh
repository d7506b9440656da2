# SPDX-License-Identifier: Apache-2.0
# The disk is full of what was only read: changes of stored files, which need it, drive that out.
[ "$(id -u)" = 0 ] || skip "only root can make a small disk"
mkdir -p "$WORK/cache"
mount -t tmpfs -o size=8M,mode=700 tmpfs "$WORK/cache" || skip "tmpfs cannot be mounted"
begin cache_size=100M,cache_min_free=0,memory=4M
head -c 24M /dev/urandom >big
for i in 0 1 2 3 4 5; do
  head -c 3M /dev/urandom >"old$i"
  "$NATSOBJ" put b "old$i" --server "$URL" --quiet
done
cp big "$M/big"
is_full() { [ "$(df --output=avail -k "$WORK/cache" | tail -n 1)" -lt 300 ]; }
# Past the kernel's pages: a block that found the disk too slow is to be asked for again.
# shellcheck disable=SC2329 # wait_until calls it
read_until_full() {
  for i in 0 1 2 3 4 5; do dd if="$M/old$i" of=/dev/null bs=128k iflag=direct status=none; done
  is_full
}
wait_until 15 cmp old5 "$M/old5"
wait_until 30 read_until_full
python3 - big "$M/big" <<'P'
import os, sys
local, remote = (os.open(p, os.O_RDWR) for p in sys.argv[1:])
block = os.urandom(1 << 20)
for i in range(2, 8):
    for fd in (local, remote):
        assert os.pwrite(fd, block, i << 20) == len(block)
os.close(remote)
P
same big "$M/big"
for i in 0 1 2 3 4 5; do same "old$i" "$M/old$i"; done
# There is no end to what is not there: nothing is left to drive out.
python3 - "$M/big" <<'P'
import errno, os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
try:
    for i in range(2, 24):
        os.pwrite(fd, bytes(1 << 20), i << 20)
except OSError as e:
    assert e.errno == errno.ENOSPC, e
else:
    sys.exit("22 MiB on a disk of 8 MiB")
P
end
umount "$WORK/cache"
