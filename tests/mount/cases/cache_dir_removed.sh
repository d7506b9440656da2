# SPDX-License-Identifier: Apache-2.0
# Somebody removes the mount's directory on the local disk while it is in use: it is made again for
# what is written and for the disk cache, and nothing is lost. Where it cannot be, a write fails with
# EIO and the log says why.
export CACHE=$WORK/parent/cache
begin "cache_dir=$CACHE,cache_size=64M,cache_min_free=0,memory=4M"
head -c 6000001 /dev/urandom >big
cp big "$M/big"
"$NATSOBJ" put b big --name c1 --server "$URL" --quiet
# Past the kernel's pages: a block that found the disk too slow is to be asked for again.
# shellcheck disable=SC2329 # wait_until calls them
read_and_kept() { dd if="$M/$1" of=/dev/null bs=128k iflag=direct status=none && kept; }
# shellcheck disable=SC2329
kept() { find "$CACHE/content" -type f ! -name '*.part' ! -name '*.sums' -size +5M | grep -q .; }
wait_until 15 cmp big "$M/c1"
wait_until 15 read_and_kept c1

cat >write.py <<'P'
import errno, os, sys
def pwrite(fd, data, at):
    try:
        return os.pwrite(fd, data, at)
    except OSError as e:
        return errno.errorcode[e.errno]
remote, local, change, expected = sys.argv[1:]
fds = [os.open(p, os.O_RDWR) for p in (remote, local)]
os.system(change)
# Behind the first MiB, so not into memory.
got = pwrite(fds[0], b"x" * 100000, 3000000)
assert str(got) == expected, got
if expected == "100000":
    pwrite(fds[1], b"x" * 100000, 3000000)
os.close(fds[0])
P
# shellcheck disable=SC2016 # python's shell expands it
python3 write.py "$M/big" big 'rm -rf "$CACHE" && rmdir "$(dirname "$CACHE")"' 100000
same big "$M/big"
assert_eq "$(stat -c %a "$CACHE")" 700
# What was in the cache is read from the server, and what is read comes into the new directory.
"$NATSOBJ" put b big --name c2 --server "$URL" --quiet
wait_until 15 cmp big "$M/c2"
wait_until 30 read_and_kept c2
assert_eq "$(stat -c %a "$CACHE/content")" 700
grep -q "disk cache $CACHE/content was removed" "$WORK/log.m" || fail "the log does not speak of it"

# It cannot be made again.
# shellcheck disable=SC2016
python3 write.py "$M/big" big 'rm -rf "$CACHE" && echo >"$CACHE"' EIO
grep -q "cannot make a staging file in $CACHE: Not a directory" "$WORK/log.m" || fail "the log does not say why"
rm "$CACHE"
same big "$M/big"
end
# The names are kept again for the next mount, or would be: all of the mount's directories are there.
mount_at "$M" "cache_dir=$CACHE,cache_size=64M"
same big "$M/big"
end
