# SPDX-License-Identifier: Apache-2.0
# The kernel reads ahead by a megabyte, and asks for a megabyte at a time.
begin
bdi=/sys/class/bdi/$(mountpoint -d "$M")/read_ahead_kb
[ -w "$bdi" ] || skip "no $bdi that can be written"
has_1024() { [ "$(cat "$bdi")" = 1024 ]; }
wait_until 10 has_1024
head -c 16777216 /dev/urandom >big
cp big "$M/big"
unmount_and_wait "$M" "$MOUNT_PID"
mount_at "$M"
wait_until 10 has_1024
same big "$M/big"
end
