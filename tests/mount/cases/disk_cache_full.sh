# SPDX-License-Identifier: Apache-2.0
# A disk cache that cannot keep anything fails no read and says so once; one in a directory of
# somebody else is refused.
[ "$(id -u)" = 0 ] || skip "only root can make a small disk"
mkdir -p "$WORK/cache/content"
mount -t tmpfs -o size=2M,mode=700 tmpfs "$WORK/cache/content" || skip "tmpfs cannot be mounted"
begin cache_size=64M,cache_min_free=0,memory=4M
head -c 5M /dev/urandom >big
cp big "$M/big"
for i in 1 2 3; do
  cp big "$M/big$i"
done
end
mount_at "$M" cache_size=64M,cache_min_free=0,memory=4M
for i in 1 2 3; do same big "$M/big$i"; done
assert_eq "$(grep -c 'disk cache' "$WORK/log.m")" 1
grep -q 'No space left on device' "$WORK/log.m" || fail "the log does not say why"
end
umount "$WORK/cache/content"
# By default as much stays free as such a disk does not have: nothing is kept.
mount -t tmpfs -o size=20M,mode=700 tmpfs "$WORK/cache/content"
mount_at "$M" cache_size=64M
same big "$M/big"
end
assert_eq "$(find "$WORK/cache/content" -type f | wc -l)" 0
umount "$WORK/cache/content"
chown 12345 "$WORK/cache/content"
must_fail "belongs to another user" "$MOUNT" "$URL/b" "$M" -o "cache_dir=$WORK/cache,cache_size=1M"
# Without the cache it does not matter.
mount_at "$M"
same big "$M/big"
end
