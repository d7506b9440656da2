# SPDX-License-Identifier: Apache-2.0
# A directory of many objects is renamed: as a whole for every mount, while it is used, and when the
# daemon is killed in the middle of it.
begin
first=$MOUNT_PID
# many PREFIX COUNT: objects of other clients, all at once.
many() {
  python3 - "$URL" "$1" "$2" <<'P'
import base64, json, sys
import raw
url, prefix, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
c = raw.Raw(url)
out = bytearray()
for i in range(count):
    name = f"{prefix}/d{i % 7}/f{i}"
    info = json.dumps({"name": name, "bucket": "b", "nuid": f"n{prefix}{i}", "size": 0, "chunks": 0}).encode()
    token = base64.urlsafe_b64encode(name.encode()).decode()
    out += f"PUB $O.b.M.{token} {len(info)}\r\n".encode() + info + b"\r\n"
c._send(bytes(out))
c.api("STREAM.INFO.OBJ_b")
P
}
count() { find "$1" -type f 2>/dev/null | wc -l; }
has() { [ "$(count "$1")" = "$2" ]; }

many a 2000
wait_until 20 has "$M/a" 2000
echo mine >"$M/a/d0/mine"
mv "$M/a" "$M/b"
[ ! -e "$M/a" ] || fail "the old directory is still there"
assert_eq "$(count "$M/b")" 2001
assert_eq "$(cat "$M/b/d0/mine")" mine
# Back over its own tombstones, while others use what is below.
mv "$M/b" "$M/a" &
mover=$!
for i in $(seq 1 40); do
  for dir in "$M/a" "$M/b"; do
    { echo "$i" >"$dir/d1/written$i"; } 2>/dev/null && break
  done
  # The directory may go from one name to the other between two looks.
  cat "$M/a/d0/mine" 2>/dev/null || cat "$M/b/d0/mine" 2>/dev/null || cat "$M/a/d0/mine"
done
wait $mover
assert_eq "$(count "$M/a")" 2041
assert_eq "$(cat "$M"/a/d1/written* | wc -l)" 40

# As a whole for others too, who read on meanwhile and change what has followed.
B=$WORK/other
mount_at "$B"
second=$MOUNT_PID
python3 - "$M" "$B" <<'P'
import os, sys, time
m, b = sys.argv[1:]
os.rename(f"{m}/a", f"{m}/c")
end = time.monotonic() + 20
while os.path.exists(f"{b}/a"):
    assert time.monotonic() < end
assert sum(len(files) for _, _, files in os.walk(f"{b}/c")) == 2041
assert not os.path.exists(f"{b}/a")
for i in range(1, 41):
    with open(f"{b}/c/d1/written{i}", "a") as f: f.write("more\n")
for i in range(1, 41):
    want = f"{i}\nmore\n"
    assert open(f"{b}/c/d1/written{i}").read() == want
    assert open(f"{m}/c/d1/written{i}").read() == want
os.rename(f"{b}/c", f"{b}/a")
assert os.listdir(f"{b}/a/d0")
end = time.monotonic() + 20
while not os.path.exists(f"{m}/a/d0/mine"):
    assert time.monotonic() < end
assert sum(len(files) for _, _, files in os.walk(f"{m}/a")) == 2041
P

# A kill in the middle: every mount, the next one too, shows what the call has said, and one finishes
# it.
listed() { "$BUILD/natsobj" ls b --json --server "$URL" | grep -c "\"name\": *\"$1/" || true; }
is_listed() { [ "$(listed "$1")" = "$2" ]; }
many big 6000
wait_until 30 has "$B/big" 6000
wait_until 30 has "$M/big" 6000
mv "$M/big" "$M/moved"
kill -9 "$first"
wait "$first" 2>/dev/null || true
umount -l "$M" 2>/dev/null || true
[ "$(listed big)" -gt 0 ] || echo "all had moved before the kill"
mount_at "$M"
for dir in "$M" "$B"; do
  assert_eq "$(count "$dir/moved")" 6000
  [ ! -e "$dir/big" ] || fail "$dir/big is there: $(count "$dir/big")"
done
wait_until 60 is_listed big 0
is_listed moved 6000 || fail "$(listed moved) of 6000 have moved"
wait_until 20 has "$M/moved" 6000
wait_until 20 has "$B/moved" 6000
unmount_and_wait "$B" "$second"
end
