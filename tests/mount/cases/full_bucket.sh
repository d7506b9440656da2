# SPDX-License-Identifier: Apache-2.0
# A full bucket is ENOSPC, keeps what it has, and has room again after a delete.
begin bucket_size=24M
head -c 4M /dev/urandom >f
cp f "$M/kept"
must_fail "No space left" dd if=/dev/zero of="$M/too_big" bs=1M count=40 status=none
# Not only the first time, and not only behind what could be sent.
for size in 1M 256K 128K; do
  i=0
  while timeout 60 dd if=/dev/zero of="$M/$size.$i" bs=$size count=1 status=none 2>error; do i=$((i + 1)); done
  grep -q "No space left" error || fail "$size: $(cat error)"
done
same f "$M/kept"
rm -f "$M/too_big"
same f "$M/kept"
# What is removed makes room at once, although the chunks of other removals are kept for a while.
rm -f "$M"/1M.* "$M"/256K.* "$M"/128K.*
rm "$M/kept"
cp f "$M/again"
same f "$M/again"
for i in 1 2 3 4 5 6; do cp f "$M/again" || fail "replacing it, the $i. time"; done
same f "$M/again"
end
