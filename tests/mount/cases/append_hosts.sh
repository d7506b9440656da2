# SPDX-License-Identifier: Apache-2.0
# Lines appended by several processes of two hosts at the same time, through descriptors opened anew
# for each line and through ones that stay open, are all there.
begin
first=$MOUNT_PID B=$WORK/other
mount_at "$B"
cat >writer.py <<'P'
import os, sys
path, name, keep = sys.argv[1], sys.argv[2], sys.argv[3] == "keep"
fd = None
for i in range(15):
    if fd is None: fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, b"%s %d\n" % (name.encode(), i))
    if keep: os.fsync(fd)
    else: os.close(fd); fd = None
P
writers=()
for w in 1 2 3; do
  for d in "$M" "$B"; do
    python3 writer.py "$d/log" "new $w $(basename "$d")" new & writers+=($!)
  done
done
python3 writer.py "$M/log" "kept m" keep & writers+=($!)
python3 writer.py "$B/log" "kept other" keep & writers+=($!)
for w in "${writers[@]}"; do wait "$w" || fail "a writer failed"; done
assert_eq "$(sort "$M/log" | uniq | wc -l)" 120
assert_eq "$(wc -l <"$M/log")" 120
same "$M/log" "$B/log"
assert_eq "$(ls "$M")" log
# One that is open over many rewrites of others.
exec 5>>"$M/log"
echo start >"$B/log"
echo one >&5
python3 -c 'import os; os.fsync(5)'
echo again >"$B/log"
echo two >&5
exec 5>&-
printf 'again\ntwo\n' >expected
same expected "$B/log"
same expected "$M/log"
unmount_and_wait "$B" "$MOUNT_PID"
unmount_and_wait "$M" "$first"
