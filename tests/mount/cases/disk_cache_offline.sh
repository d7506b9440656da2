# SPDX-License-Identifier: Apache-2.0
# A host that loses its server reads on what its disk cache has, also what this mount never opened.
begin cache_size=64M,cache_min_free=0
head -c 3M /dev/urandom >big
head -c 100 /dev/urandom >small
head -c 100 /dev/urandom >other
cp big small other "$M/"
unmount_and_wait "$M" "$MOUNT_PID"
mount_at "$M" cache_size=64M,cache_min_free=0
same big "$M/big"
same small "$M/small"
unmount_and_wait "$M" "$MOUNT_PID"
mount_at "$M" cache_size=64M,cache_min_free=0,offline
kill "$SERVER_PID"
away() { grep -q '"watch": *"disconnected"' "$M/.natsobj/status"; }
wait_until 30 away
timeout 30 cmp big "$M/big" || fail "big is not read from the disk"
timeout 30 cmp small "$M/small" || fail "small is not read from the disk"
# What is nowhere waits for the server.
if timeout 2 cat "$M/other" >out; then fail "read without a server"; fi
start_server
wait_until 30 cmp other "$M/other"
end
