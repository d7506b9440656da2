# SPDX-License-Identifier: Apache-2.0
# >> from several processes and from two mounts: each line arrives once, none is torn.
begin
first=$MOUNT_PID B=$WORK/other
mount_at "$B"
for i in $(seq 20); do
  echo "a$i" >>"$M/log"
  echo "b$i" >>"$B/log"
done
for i in $(seq 20); do printf 'a%s\nb%s\n' $i $i; done >expected
same expected "$M/log"
same expected "$B/log"
# Several processes of one host at the same time.
writers=()
for w in 1 2 3 4; do
  (for i in $(seq 25); do echo "writer $w line $i" >>"$M/many"; done) &
  writers+=($!)
done
for w in "${writers[@]}"; do wait "$w" || fail "a writer failed"; done
assert_eq "$(sort "$M/many" | uniq | wc -l)" 100
assert_eq "$(wc -l <"$M/many")" 100
unmount_and_wait "$B" "$MOUNT_PID"
unmount_and_wait "$M" "$first"
