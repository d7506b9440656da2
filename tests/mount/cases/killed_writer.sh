# SPDX-License-Identifier: Apache-2.0
# A writer killed while it replaces a file leaves the old content, and what it wrote beside it. New
# files and changes in the middle are kept as far as they came; on_kill=commit treats all like those.
begin
first=$MOUNT_PID B=$WORK/other
mount_at "$B" on_kill=commit
cat >writer.py <<'P'
import os, sys, time
flags = {"replace": os.O_TRUNC, "new": os.O_CREAT | os.O_EXCL, "change": 0}[sys.argv[2]]
fd = os.open(sys.argv[1], os.O_WRONLY | flags)
os.write(fd, sys.argv[3].encode())
open("written", "w").close()
time.sleep(1000)
P
# kill_writer SIGNAL FILE HOW TEXT
kill_writer() {
  rm -f written
  python3 writer.py "$2" "$3" "$4" &
  local pid=$!
  wait_until 20 test -e written
  kill "-$1" $pid
  if wait $pid; then fail "the writer was not killed"; fi
}
content_is() { [ "$(cat "$1")" = "$2" ]; }
partials() { find "$M" -name "$1.partial-*" -printf x | wc -c; }
one_partial() { [ "$(partials "$1")" = 1 ]; }
for signal in KILL TERM; do
  printf old >"$M/f$signal"
  kill_writer $signal "$M/f$signal" replace half
  wait_until 20 content_is "$M/f$signal" old
  wait_until 20 content_is "$B/f$signal" old
  wait_until 20 one_partial "f$signal"
  assert_eq "$(cat "$B/f$signal".partial-*)" half
done
kill_writer KILL "$M/new" new text
wait_until 20 content_is "$B/new" text
printf 'old text' >"$M/g"
kill_writer KILL "$M/g" change new
wait_until 20 content_is "$B/g" "new text"
printf old >"$B/h"
kill_writer KILL "$B/h" replace half
wait_until 20 content_is "$M/h" half
assert_eq "$(partials g)$(partials h)$(partials new)" 000
# The writer of a redirection is one of many: the shell stores what all of them wrote.
printf old >"$M/s"
bash -c '{ echo one; bash -c "kill -9 \$\$"; echo two; } >"$1"' x "$M/s" 2>/dev/null || true
assert_eq "$(cat "$M/s")" "$(printf 'one\ntwo')"
assert_eq "$(partials s)" 0
unmount_and_wait "$B" "$MOUNT_PID"
unmount_and_wait "$M" "$first"
