# SPDX-License-Identifier: Apache-2.0
# -o inotify: what another mount or another client changes makes the events that the same calls
# would make here: create, write, move, delete, attributes, directories, an editor's save, rsync.
command -v inotifywait >/dev/null || skip "inotifywait is not installed"
begin
first=$MOUNT_PID
A=$M B=$WORK/seen
mount_at "$B" inotify
second=$MOUNT_PID
mkdir "$A/d"
echo old >"$A/d/old"
wait_until 20 test -e "$B/d/old"
stat "$B/d" >/dev/null
inotifywait -q -m --format '%e %f' "$B/d" >>"$WORK/events" 2>"$WORK/watcher.log" &
watcher=$!
echo "$watcher" >>"$WORK/pids"
# Events of our own tell when the watch is there.
is_watched() { touch "$B/d/.probe"; grep -q probe "$WORK/events"; }
wait_until 20 is_watched
rm "$B/d/.probe"
wait_until 20 grep -q 'DELETE .probe' "$WORK/events"
wait_until 20 test ! -e "$A/d/.probe"
: >"$WORK/events"

in_order() { python3 - "$WORK/events" "$@" <<'PY'
import re, sys
lines = open(sys.argv[1]).read().split("\n")
for want in sys.argv[2:]:
    while lines and not re.fullmatch(want, lines[0]):
        lines.pop(0)
    if not lines:
        sys.exit(1)
    lines.pop(0)
PY
}
wait_in_order() {
  local end=$((SECONDS + 20))
  until in_order "$@"; do
    [ $SECONDS -lt $end ] || fail "no events $* in: $(cat "$WORK/events")"
    sleep 0.1
  done
}
# events EXPRESSION…: these come in time and in this order; then the record starts anew.
events() {
  wait_in_order "$@"
  : >"$WORK/events"
}

cp /etc/passwd "$A/d/copy"
events 'CREATE copy' 'MODIFY copy' 'CLOSE_WRITE.* copy'
echo more >>"$A/d/copy"
events 'MODIFY copy' 'CLOSE_WRITE.* copy'
chmod 600 "$A/d/copy"
events 'ATTRIB copy'
mv "$A/d/copy" "$A/d/moved"
events 'MOVED_FROM copy' 'MOVED_TO moved'
rm "$A/d/moved"
events 'DELETE moved'
mkdir "$A/d/sub"
events 'CREATE,ISDIR sub'
rmdir "$A/d/sub"
events 'DELETE,ISDIR sub'
ln "$A/d/old" "$A/d/other"
events 'CREATE other'
! grep -q CLOSE "$WORK/events" || fail "a link opens nothing: $(cat "$WORK/events")"
chmod 600 "$A/d/other"
wait_in_order 'ATTRIB old'
events 'ATTRIB other'
: >"$A/d/other"
wait_in_order 'MODIFY old' 'CLOSE_WRITE.* old'
events 'MODIFY other' 'CLOSE_WRITE.* other'
rm "$A/d/other"
events 'DELETE other'
: >"$A/d/old"
echo old >"$A/d/old"
events 'MODIFY old' 'CLOSE_WRITE.* old'
truncate -s 0 "$A/d/old"
events 'MODIFY old' 'CLOSE_WRITE.* old'
ln -s old "$A/d/link"
events 'CREATE link'
# As editors save: the new text beside the old, then over it.
echo new >"$A/d/old.tmp"
mv "$A/d/old.tmp" "$A/d/old"
events 'CREATE old.tmp' '(MOVED_TO|CLOSE_WRITE.*) old'
assert_eq "$(cat "$B/d/old")" new
mkdir "$WORK/src"
for i in 1 2 3; do echo "$i" >"$WORK/src/r$i"; done
if command -v rsync >/dev/null; then
  rsync -a "$WORK/src/" "$A/d/"
  wait_in_order '.*r1'
  wait_in_order '.*r2'
  wait_in_order '.*r3'
  : >"$WORK/events"
fi
# A client that knows nothing of all this.
python3 - "$URL" <<'PY'
import sys, raw
raw.Raw(sys.argv[1]).put("d/foreign", [b"theirs"])
PY
events 'CREATE foreign' 'CLOSE_WRITE.* foreign'
assert_eq "$(cat "$B/d/foreign")" theirs
"$NATSOBJ" del b d/foreign --server "$URL" -f >/dev/null
events 'DELETE foreign'
# Nothing was changed by being told.
assert_eq "$(cat "$A/d/old")" new
assert_eq "$(ls "$A/d" | tr '\n' ' ')" "$(ls "$B/d" | tr '\n' ' ')"
kill "$watcher"
wait "$watcher" || true
wait_until 10 umount "$B"
wait "$second" || fail "the daemon of B ended with status $?"
unmount_and_wait "$A" "$first"
