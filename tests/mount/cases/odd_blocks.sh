# SPDX-License-Identifier: Apache-2.0
# dd with block sizes that fit nothing: in order, into the middle, with holes, appended, without the page
# cache; and what editors of streams do to a file in place.
begin
head -c 1500007 /dev/urandom >f
for bs in 1 7 511 4093 65537 131071 131073 999983; do
  # A byte at a time for a short file only.
  n=$((bs == 1 ? 3001 : bs == 7 ? 50001 : 1500007))
  head -c $n f >part
  dd if=part of="$M/w$bs" bs=$bs status=none
  same part "$M/w$bs"
  dd if="$M/w$bs" of=back bs=$bs status=none
  same part back
  # Into the middle of what is there, on both sides.
  for target in part "$M/w$bs"; do
    dd if=f of="$target" bs=$bs seek=3 count=5 conv=notrunc status=none
    dd if=f of="$target" bs=$bs oflag=append conv=notrunc count=2 status=none
  done
  same part "$M/w$bs"
  # Far behind the end: a hole of zeros.
  for target in part "$M/w$bs"; do dd if=f of="$target" bs=$bs seek=17 count=1 conv=notrunc status=none; done
  same part "$M/w$bs"
done
dd if=f of="$M/direct" bs=12288 oflag=direct status=none
dd if="$M/direct" of=back bs=4096 iflag=direct status=none
same f back
seq 20000 >lines
cp lines "$M/lines"
for target in lines "$M/lines"; do
  sed -i -e 's/7/seven/g' -e '/99$/d' "$target"
  for i in 1 2 3; do echo "more $i" >>"$target"; done
  truncate -s -5 "$target"
  truncate -s +70000 "$target"
  echo end >>"$target"
done
same lines "$M/lines"
end
mount_at "$M"
same lines "$M/lines"
same f "$M/direct"
end
