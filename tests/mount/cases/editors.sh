# SPDX-License-Identifier: Apache-2.0
# Saving by a temporary file and rename, sed -i, appends, odd blocks.
begin
printf 'one\ntwo\n' >"$M/f"
printf 'one\nTWO\n' >"$M/.f.tmp"
mv "$M/.f.tmp" "$M/f"
assert_eq "$(cat "$M/f")" "$(printf 'one\nTWO')"
sed -i s/one/ONE/ "$M/f"
echo three >>"$M/f"
echo four >>"$M/f"
assert_eq "$(cat "$M/f")" "$(printf 'ONE\nTWO\nthree\nfour')"
head -c 700001 /dev/urandom >odd
dd if=odd of="$M/odd" bs=7777 status=none
same odd "$M/odd"
dd if=odd of="$M/odd" bs=999 skip=100 seek=100 count=50 conv=notrunc status=none
same odd "$M/odd"
printf XYZ | dd of=odd bs=1 seek=300000 conv=notrunc status=none
printf XYZ | dd of="$M/odd" bs=1 seek=300000 conv=notrunc status=none
same odd "$M/odd"
end
mount_at "$M"
same odd "$M/odd"
end
