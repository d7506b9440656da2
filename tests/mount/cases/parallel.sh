# SPDX-License-Identifier: Apache-2.0
# Many processes write, read, list and rename at the same time, on two mounts.
begin
first=$MOUNT_PID B=$WORK/other
mount_at "$B"
head -c 3M /dev/urandom >src
work() {
  local i name dir=$1
  for i in $(seq 6); do
    name=p$2-$i
    cp src "$dir/$name.tmp"
    mv "$dir/$name.tmp" "$dir/$name"
    cmp src "$dir/$name"
    ls -l "$dir" >/dev/null || true
    [ $((i % 3)) != 0 ] || rm "$dir/$name"
  done
}
workers=()
for w in 1 2 3 4; do
  (work "$M" "a$w") & workers+=($!)
  (work "$B" "b$w") & workers+=($!)
done
for w in "${workers[@]}"; do wait "$w" || fail "a worker failed"; done
is_complete() { [ "$(ls "$M" | wc -l)" = 32 ] && [ "$(ls "$B" | wc -l)" = 32 ]; }
wait_until 10 is_complete
for f in "$M"/* "$B"/*; do same src "$f"; done
unmount_and_wait "$B" "$MOUNT_PID"
unmount_and_wait "$M" "$first"
