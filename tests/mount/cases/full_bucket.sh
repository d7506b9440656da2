# SPDX-License-Identifier: Apache-2.0
# A full bucket is ENOSPC, keeps what it has, and has room again after a delete.
begin bucket_size=24M
head -c 4M /dev/urandom >f
cp f "$M/kept"
must_fail "No space left" dd if=/dev/zero of="$M/too_big" bs=1M count=40 status=none
same f "$M/kept"
rm -f "$M/too_big"
same f "$M/kept"
rm "$M/kept"
end
