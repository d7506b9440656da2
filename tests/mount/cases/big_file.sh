# SPDX-License-Identifier: Apache-2.0
# A large file goes in and comes out the same, also through a mount that never saw it.
begin
size=${BIG_MIB:-96}
head -c "${size}M" /dev/urandom >big
cp big "$M/big"
same big "$M/big"
assert_eq "$(stat -c %s "$M/big")" $((size * 1048576))
# What programs such as cp go by; each write is a request of its own.
assert_eq "$(stat -c %o "$M/big")" 524288
end
mount_at "$M"
same big "$M/big"
end
