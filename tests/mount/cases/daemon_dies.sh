# SPDX-License-Identifier: Apache-2.0
# The daemon is killed while processes wait for it: they go on with an error, none of them stays, and
# the mount point is free again without anybody's help.
begin
mkdir "$M/d"
head -c 3M /dev/urandom >f
cp f "$M/d/f"
kill -STOP "$SERVER_PID"
for i in 1 2 3 4; do
  cat "$M/d/f" >/dev/null 2>&1 &
  touch "$M/d/new$i" 2>/dev/null &
  mv "$M/d/f" "$M/d/moved$i" 2>/dev/null &
  ls -l "$M/d/absent$i" 2>/dev/null &
done
# Nothing tells that they wait; they are about to.
sleep 0.5
kill -9 "$MOUNT_PID"
wait "$MOUNT_PID" 2>/dev/null || true
is_free() { ! mountpoint -q "$M" && ls "$M" >/dev/null; }
wait_until 15 is_free
for job in $(jobs -p); do [ "$job" = "$SERVER_PID" ] || wait "$job" 2>/dev/null || true; done
kill -CONT "$SERVER_PID"
mount_at "$M"
find "$M/d" -type f -size 3M | grep -q . || fail "the file is gone: $(ls "$M/d")"
# Nobody stays either when the mount was detached before its daemon died.
kill -STOP "$SERVER_PID"
mkdir "$M/d/late" & late=$!
ls "$M/d/absent" 2>/dev/null &
sleep 0.5
umount -l "$M"
kill -9 "$MOUNT_PID"
is_ended() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status"; }
wait_until 15 is_ended "$late"
kill -CONT "$SERVER_PID"
mount_at "$M"
# A daemon in the background is guarded as well, and a clean end leaves no guard.
end
"$MOUNT" "$URL/b" "$M" -o "cache_dir=$WORK/cache"
daemon=$(pgrep -f "^$MOUNT $URL/b $M -o cache_dir=$WORK/cache" | head -n 1)
kill -9 "$daemon"
wait_until 15 is_free
"$MOUNT" "$URL/b" "$M" -o "cache_dir=$WORK/cache"
umount "$M"
has_ended() { ! pgrep -f "^$MOUNT $URL/b $M -o cache_dir=$WORK/cache" >/dev/null; }
wait_until 15 has_ended
