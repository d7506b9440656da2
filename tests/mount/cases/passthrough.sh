# SPDX-License-Identifier: Apache-2.0
# What is whole in the disk cache is read by the kernel itself, where nothing can be written or where
# that was asked for. All that is read, mapped and written is as without it.
ldd "$MOUNT" | grep 'libfuse3\.so\.4' >/dev/null || skip "built with libfuse before 3.17"
[ "$(printf '%s\n' 6.9 "$(uname -r)" | sort -V | head -n 1)" = 6.9 ] || skip "Linux before 6.9"
if zcat /proc/config.gz 2>/dev/null | grep '# CONFIG_FUSE_PASSTHROUGH is not set' >/dev/null; then skip "the kernel cannot"; fi
[ "$(id -u)" = 0 ] || skip "not root"
cache=cache_size=256M,cache_min_free=0,memory=16M
opens() { awk '$1 == "natsobj_disk_cache_passthrough_opens_total" { print $2 }' "$M/.natsobj/metrics"; }
is_on() { grep '"passthrough": *true' "$M/.natsobj/status" >/dev/null; }
put() { "$NATSOBJ" put b "$@" --server "$URL" --quiet; }
has_size() { [ "$(stat -c %s "$M/$1")" = "$2" ]; }
# Whether an open of the file is the kernel's. Reads what is not in the disk cache yet, where it comes a
# moment later, and not from pages that were written here.
is_passed() {
  local before
  dd if="$M/$1" iflag=nocache count=0 status=none
  before=$(opens)
  cat "$M/$1" >/dev/null
  [ "$(opens)" -gt "$before" ]
}
begin "ro,$cache"
head -c 6000001 /dev/urandom >big
head -c 3000 /dev/urandom >small
put big
put small
wait_until 15 has_size big 6000001
wait_until 15 has_size small 3000
is_on || fail "not on"
same big "$M/big"
wait_until 15 is_passed big
same big "$M/big"
same small "$M/small"
same small "$M/small"

# With no answer from anybody: calls of all kinds, over the end too; the file is gone from the cache,
# and another version has its name.
head -c 6000001 /dev/urandom >other
python3 - "$M/big" big "$WORK/cache/content" "$MOUNT_PID" <<'P'
import mmap, os, signal, socket, sys
path, local, cache, daemon = sys.argv[1], open(sys.argv[2], "rb").read(), sys.argv[3], int(sys.argv[4])
fd = os.open(path, os.O_RDONLY)
direct = os.open(path, os.O_RDONLY | os.O_DIRECT)
assert os.preadv(direct, [memoryview(mmap.mmap(-1, 4096))[:100]], 77) == 100, "direct"
for name in os.listdir(cache):
    os.unlink(os.path.join(cache, name))
os.kill(daemon, signal.SIGSTOP)
try:
    assert os.pread(fd, 100, 5999990) == local[5999990:]
    assert os.pread(fd, 100, 6000001) == b""
    assert os.pread(fd, 7000000, 12345) == local[12345:]
    shared = mmap.mmap(fd, 6000001, mmap.MAP_SHARED, mmap.PROT_READ)
    private = mmap.mmap(fd, 6000001, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
    assert shared[:] == local and private[:] == local
    private[5] = (private[5] + 1) % 256
    assert shared[:] == local and os.pread(fd, 10, 0) == local[:10]
    reader, writer = os.pipe()
    assert os.splice(fd, writer, 5000, offset_src=4321) == 5000 if hasattr(os, "splice") else True
    left, right = socket.socketpair()
    sent = os.sendfile(left.fileno(), fd, 999, 60000)
    assert right.recv(sent, socket.MSG_WAITALL) == local[999:999 + sent] and sent > 0
finally:
    os.kill(daemon, signal.SIGCONT)
P
same big "$M/big"
wait_until 15 is_passed big
exec 5<"$M/big"
put other --name big
changed() { cmp -s other "$M/big"; }
wait_until 15 changed
wait_until 15 is_passed big
cmp big - <&5 || fail "not what was opened"
same other "$M/big"
exec 5<&-
must_fail "Read-only" truncate -s 5 "$M/big"
end

# Where something can be written it has to be asked for.
mount_at "$M" "$cache"
same other "$M/big"
same other "$M/big"
assert_eq "$(opens)" 0
is_on && fail "on"
end

# A change here is not seen by those who have the file open, and by everybody else at once.
mount_at "$M" "passthrough=on,$cache"
same other "$M/big"
wait_until 15 is_passed big
python3 - "$M/big" other <<'P'
import os, sys
path, old = sys.argv[1], open(sys.argv[2], "rb").read()
def content():
    with open(path, "rb") as f:
        return f.read()
reader = os.open(path, os.O_RDONLY)
ino = os.fstat(reader).st_ino
with open(path, "r+b", buffering=0) as writer:
    late = os.open(path, os.O_RDONLY)
    writer.seek(10)
    writer.write(b"changed")
    assert os.fstat(writer.fileno()).st_ino == ino == os.fstat(late).st_ino
    assert os.pread(late, 7, 10) == b"changed"
    assert content()[:20] == old[:10] + b"changed" + old[17:20]
    assert os.pread(reader, 20, 0) == old[:20]
new = old[:10] + b"changed" + old[17:]
assert content() == new and os.pread(reader, len(old) + 1, 0) == old
os.close(late)
os.close(reader)
P
"$NATSOBJ" get b big --output copy --server "$URL" --quiet
same copy "$M/big"
wait_until 15 is_passed big
exec 5<"$M/big"
truncate -s 400000 "$M/big"
echo added >>"$M/big"
{ head -c 400000 copy; echo added; } >expected
same expected "$M/big"
cp small "$M/big"
cmp copy - <&5 || fail "not what was opened"
same small "$M/big"
cp copy "$M/big"
ln "$M/big" "$M/second"
same copy "$M/second"
same copy "$M/second"
before=$(opens)
same copy "$M/big"
assert_eq "$(opens)" "$before"
rm "$M/big"
exec 5<&-
end
