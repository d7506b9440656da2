# SPDX-License-Identifier: Apache-2.0
# What was read once comes from the local disk: when it has gone from memory, while the server is
# frozen, after a remount, by another mount, under another name; damaged, it is fetched again.
cache=cache_size=64M,cache_min_free=0,memory=4M
begin "$cache"
figure() { python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["disk_cache"][sys.argv[2]])' "$1/.natsobj/status" "$2"; }
whole() { find "$WORK/cache/content" -type f ! -name '*.part' ! -name '*.sums' | wc -l; }
has_whole() { [ "$(whole)" = "$1" ]; }
head -c 6000001 /dev/urandom >big
head -c 5000 /dev/urandom >small
"$NATSOBJ" put b big --server "$URL" --quiet
"$NATSOBJ" put b small --server "$URL" --quiet
shown() { [ "$(stat -c %s "$M/big" "$M/small" | tr '\n' ' ')" = "6000001 5000 " ]; }
wait_until 15 shown
assert_eq "$(stat -c %a "$WORK/cache/content")" 700

# Out of memory and off the kernel's pages, read again while the server cannot answer.
python3 - "$M/big" big "$SERVER_PID" <<'P'
import os, signal, sys
path, local, server = sys.argv[1], open(sys.argv[2], "rb").read(), int(sys.argv[3])
def scan(fd):
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    return b"".join(os.pread(fd, 1 << 17, at) for at in range(0, len(local), 1 << 17))
fd = os.open(path, os.O_RDONLY)
assert scan(fd) == local
status = os.path.dirname(path) + "/.natsobj/status"
# What waits for the disk is written within moments.
import json, time
end = time.monotonic() + 15
while json.load(open(status))["disk_cache"]["stored_bytes"] < len(local):
    assert time.monotonic() < end, "not stored"
    time.sleep(0.02)
os.kill(server, signal.SIGSTOP)
try:
    assert scan(fd) == local
    assert os.pread(fd, 100, 3000000) == local[3000000:3000100]
finally:
    os.kill(server, signal.SIGCONT)
P
same small "$M/small"
wait_until 15 has_whole 2
assert_eq "$(figure "$M" damaged_files)" 0
[ "$(figure "$M" hit_bytes)" -ge 5000000 ] || fail "only $(figure "$M" hit_bytes) bytes from the disk"
[ "$(awk '$1 == "natsobj_disk_cache_stored_bytes_total" { print $2 }' "$M/.natsobj/metrics")" -ge 6000001 ] || fail "no metric"

# Another mount of the directory, then a remount, ask for metadata only; with trust_watch for nothing.
end
mount_at "$M" "$cache,trust_watch"
first=$MOUNT_PID
mount_at "$WORK/second" "$cache"
second=$MOUNT_PID
kill -STOP "$SERVER_PID"
timeout 30 cmp big "$M/big" || { kill -CONT "$SERVER_PID"; fail "not from the disk"; }
kill -CONT "$SERVER_PID"
same big "$WORK/second/big"
# Renamed, and stored again by somebody else: the content is the same.
mv "$M/big" "$M/moved"
"$NATSOBJ" put b big --name again --server "$URL" --quiet
exists() { [ -e "$WORK/second/again" ] && [ -e "$WORK/second/moved" ]; }
wait_until 15 exists
same big "$WORK/second/moved"
same big "$WORK/second/again"
assert_eq "$(figure "$M" misses)" 0
assert_eq "$(figure "$WORK/second" misses)" 0
unmount_and_wait "$WORK/second" "$second"

# A damaged file is not served but replaced.
file=$(find "$WORK/cache/content" -type f -size +4M)
printf X | dd of="$file" bs=1 seek=2500000 conv=notrunc status=none
"$NATSOBJ" put b big --name third --server "$URL" --quiet
exists() { [ -e "$M/third" ]; }
wait_until 15 exists
same big "$M/third"
assert_eq "$(figure "$M" damaged_files)" 1
grep -q 'is damaged and is removed' "$WORK/log.m" || fail "no word of it in the log"
"$NATSOBJ" put b big --name fourth --server "$URL" --quiet
exists() { [ -e "$M/fourth" ]; }
wait_until 15 exists
same big "$M/fourth"
wait_until 15 has_whole 2
unmount_and_wait "$M" "$first"

# A huge object is not fetched for a few bytes of it.
mount_at "$M" "$cache"
"$NATSOBJ" put b big --name changed --server "$URL" --quiet
head -c 32M /dev/urandom >huge
"$NATSOBJ" put b huge --server "$URL" --quiet
exists() { [ "$(stat -c %s "$M/huge")" = 33554432 ]; }
wait_until 15 exists
python3 - "$M/huge" huge <<'P'
import os, random, sys
fd, local = (os.open(p, os.O_RDONLY) for p in sys.argv[1:])
os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
for at in random.Random(1).sample(range(0, 32 << 20, 1 << 20), 10):
    assert os.pread(fd, 4096, at) == os.pread(local, 4096, at), at
P
[ "$(figure "$M" miss_bytes)" -le 4000000 ] || fail "$(figure "$M" miss_bytes) bytes fetched for 40960"
end

# The limit holds; what is on the disk is right whatever went.
rm -rf "$WORK/cache/content"
mount_at "$M" cache_size=8M,cache_min_free=0,memory=4M
mkdir parts
split -b 1M huge parts/
cp -r parts "$M/"
# A mount that has no pages of them.
unmount_and_wait "$M" "$MOUNT_PID"
mount_at "$M" cache_size=8M,cache_min_free=0,memory=4M
for part in parts/*; do same "$part" "$M/$part"; done
for part in parts/*; do same "$part" "$M/$part"; done
umount "$M"
wait "$MOUNT_PID" || fail "the daemon failed"
[ "$(du -sk "$WORK/cache/content" | cut -f 1)" -le 8192 ] || fail "$(du -sk "$WORK/cache/content") KiB"
[ "$(whole)" -ge 3 ] || fail "only $(whole) files left"
