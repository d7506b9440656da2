# SPDX-License-Identifier: Apache-2.0
# fsx: random operations on one file, compared with memory; with mapped accesses and without. OPS and
# SEED prolong and repeat a run. The program is built once and kept in ~/.cache/natsobj-test.
tools=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/natsobj-test
if [ ! -x "$tools/bin/fsx" ]; then
  command -v cargo >/dev/null || skip "cargo is not installed"
  timeout 150 cargo install -q fsx --version 0.3.2 --locked --root "$tools" >cargo.log 2>&1 ||
    skip "cargo install fsx: $(tail -n 1 cargo.log)"
fi
begin
for mapped in 0 10; do
  cat >fsx.toml <<E
flen = 600000
[opsize]
max = 150000
[weights]
close_open = 2
read = 10
write = 10
mapread = $mapped
mapwrite = $mapped
invalidate = 1
truncate = 5
fsync = 1
fdatasync = 1
posix_fallocate = 2
punch_hole = 2
sendfile = 2
posix_fadvise = 1
copy_file_range = 2
E
  "$tools/bin/fsx" -q -N "${OPS:-1500}" -S "${SEED:-7}" -f fsx.toml -P "$WORK" "$M/fsx" >fsx.log 2>&1 ||
    fail "mapped=$mapped: $(tail -n 25 fsx.log)"
  sha256sum <"$M/fsx" >"sum.$mapped"
  mv "$M/fsx" "$M/fsx.$mapped"
done
end
mount_at "$M"
for mapped in 0 10; do sha256sum <"$M/fsx.$mapped" | cmp - "sum.$mapped"; done
end
