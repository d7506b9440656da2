# SPDX-License-Identifier: Apache-2.0
# -o inotify under load, on a read-only mount: every one of many new files is told, changes are
# refused all the same, and both mounts stay equal. The same with both mounts writing and watching.
command -v inotifywait >/dev/null || skip "inotifywait is not installed"
begin inotify
first=$MOUNT_PID
A=$M B=$WORK/seen
mount_at "$B" inotify,ro
second=$MOUNT_PID
mkdir "$A/d"
wait_until 20 test -d "$B/d"
watch_dir() { # watch_dir DIR FILE
  inotifywait -m --format '%e %f' "$1" >>"$2" 2>"$2.log" &
  watcher=$!
  echo "$watcher" >>"$WORK/pids"
  wait_until 20 grep -q 'Watches established' "$2.log"
}
watch_dir "$B/d" "$WORK/events"
if touch "$B/d/no" 2>/dev/null; then fail "a read-only mount took a new file"; fi
for i in $(seq 200); do echo "$i" >"$A/d/f$i"; done
all_told() { [ "$(grep -c '^CREATE f' "$WORK/events")" -ge 200 ]; }
wait_until 60 all_told
rm "$A"/d/f1*
all_gone() { [ "$(grep -c '^DELETE f1' "$WORK/events")" -ge 111 ]; }
wait_until 60 all_gone
wait_until 20 umount "$B"
wait "$second" || fail "the daemon of B ended with status $?"

# No loops: what one mount plays is no change for the other.
mount_at "$B" inotify
second=$MOUNT_PID
stat "$B/d" >/dev/null
watch_dir "$A/d" "$WORK/events.a"
watcher_a=$watcher
watch_dir "$B/d" "$WORK/events.b"
for i in $(seq 50); do
  echo "$i" >"$A/d/a$i"
  echo "$i" >"$B/d/b$i"
done
told_both() {
  [ "$(grep -c '^CREATE b' "$WORK/events.a")" = 50 ] &&
    [ "$(grep -c '^CREATE a' "$WORK/events.b")" = 50 ]
}
wait_until 60 told_both
quiet() { local n; n=$(wc -l <"$WORK/events.a"); sleep 1; [ "$n" = "$(wc -l <"$WORK/events.a")" ]; }
wait_until 60 quiet
assert_eq "$(cd "$A/d" && grep -c . ./* | sort | md5sum)" "$(cd "$B/d" && grep -c . ./* | sort | md5sum)"
for i in 1 25 50; do
  assert_eq "$(cat "$A/d/a$i")" "$i"
  assert_eq "$(cat "$A/d/b$i")" "$i"
done
kill "$watcher" "$watcher_a"
wait "$watcher" "$watcher_a" || true
wait_until 20 umount "$B"
wait "$second" || fail "the daemon of B ended with status $?"
wait_until 20 umount "$A"
wait "$first" || fail "the daemon of A ended with status $?"
