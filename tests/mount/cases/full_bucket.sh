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
rm "$M/kept"
end
