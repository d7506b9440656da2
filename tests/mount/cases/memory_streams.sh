# SPDX-License-Identifier: Apache-2.0
# long 900
# Many files written and read at once stay within memory=, beside what the program itself takes.
# FILES and SIZE (MiB) may be given: 32 files of a gigabyte take an hour on a small machine.
FILES=${FILES:-32} SIZE=${SIZE:-64} MEMORY=${MEMORY:-64}

# The daemon's largest size so far, MiB.
peak_mb() { awk '/VmHWM/ { print int($2 / 1024) }' "/proc/$MOUNT_PID/status"; }

begin "memory=${MEMORY}M"
# What is not cached: code, stacks, arenas, the buffers of connections and of requests.
allowed=$((MEMORY + 96))
head -c $((SIZE << 20)) /dev/urandom >source
sum=$(sha256sum <source)

started=()
for i in $(seq "$FILES"); do cp source "$M/f$i" & started+=($!); done
for pid in "${started[@]}"; do wait "$pid" || fail "a file was not written"; done
echo "written: peak $(peak_mb) MB with memory=${MEMORY}M"
[ "$(peak_mb)" -le "$allowed" ] || fail "writing took $(peak_mb) MB"

unmount_and_wait "$M" "$MOUNT_PID"
mount_at "$M" "memory=${MEMORY}M"
started=()
read_one() { assert_eq "$(sha256sum <"$M/f$1")" "$sum"; }
for i in $(seq "$FILES"); do read_one "$i" & started+=($!); done
for pid in "${started[@]}"; do wait "$pid" || fail "a file is wrong"; done
echo "read: peak $(peak_mb) MB"
[ "$(peak_mb)" -le "$allowed" ] || fail "reading took $(peak_mb) MB"

# Both at once.
started=()
for i in $(seq "$FILES"); do
  if [ $((i % 2)) -eq 0 ]; then read_one "$i" & else cp source "$M/g$i" & fi
  started+=($!)
done
for pid in "${started[@]}"; do wait "$pid" || fail "a file is wrong or was not written"; done
echo "both: peak $(peak_mb) MB"
[ "$(peak_mb)" -le "$allowed" ] || fail "reading and writing took $(peak_mb) MB"
end
