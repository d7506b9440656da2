# SPDX-License-Identifier: Apache-2.0
# fio writes in several patterns and verifies every block, also after a remount. SIZE prolongs it.
command -v fio >/dev/null || skip "fio is not installed"
begin
job() { # job NAME OPTION…
  local name=$1
  shift
  fio --name="$name" --directory="$M" --size="${SIZE:-8M}" --verify=crc32c --verify_fatal=1 \
    --verify_state_save=0 --randseed="${SEED:-7}" --ioengine=psync --output=fio.log "$@" ||
    fail "$name: $(cat fio.log)"
}
job order --rw=write --bs=256k
job order_odd --rw=write --bs=37k --size=7992k --end_fsync=1
job gaps --rw=write:192k --bs=64k
job random --rw=randwrite --bs=64k --numjobs=4 --end_fsync=1 --size=2M
job random_small --rw=randrw --bs=4k --size=2M --fsync=64
job mapped --rw=randwrite --bs=4k --ioengine=mmap --size=2M
job direct --rw=randwrite --bs=16k --direct=1 --size=2M
# Ten writers, ten stripes of one file.
job stripes --rw=write --bs=64k --numjobs=10 --size=1M --offset_increment=1M --filename=stripes
end
mount_at "$M"
job order --rw=write --bs=256k --verify_only
job order_odd --rw=write --bs=37k --size=7992k --verify_only
job mapped --rw=randwrite --bs=4k --size=2M --verify_only
job stripes --rw=write --bs=64k --numjobs=10 --size=1M --offset_increment=1M --filename=stripes --verify_only
end
