# SPDX-License-Identifier: Apache-2.0
# The daemon is killed while it exchanges two large directories: another mount finishes that.
# long
begin
first=$MOUNT_PID
B=$WORK/other
mount_at "$B"
second=$MOUNT_PID
cat >exchange.py <<'P'
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
if libc.renameat2(-100, sys.argv[1].encode(), -100, sys.argv[2].encode(), 2): sys.exit(ctypes.get_errno())
P
# Two trees with some names in common.
cat >many.py <<'P'
import base64, json, sys
import raw
c = raw.Raw(sys.argv[1])
out = bytearray()
for top, numbers in ("one", range(0, 2000)), ("two", range(1000, 3000)):
    for i in numbers:
        name = f"{top}/d{i % 5}/f{i}"
        info = json.dumps({"name": name, "bucket": "b", "nuid": f"n{top}{i}", "size": 0, "chunks": 0,
                           "description": f"{top} {i}"}).encode()
        token = base64.urlsafe_b64encode(name.encode()).decode()
        out += f"PUB $O.b.M.{token} {len(info)}\r\n".encode() + info + b"\r\n"
c._send(bytes(out))
c.api("STREAM.INFO.OBJ_b")
P
python3 many.py "$URL"
count() { find "$1" -type f 2>/dev/null | wc -l; }
has() { [ "$(count "$1/one")" = 2000 ] && [ "$(count "$1/two")" = 2000 ]; }
wait_until 30 has "$M"
wait_until 30 has "$B"
python3 exchange.py "$M/one" "$M/two" 2>/dev/null &
exchanger=$!
is_begun() { getfattr -n user.nats.description --only-values "$B/one/d0/f1000" 2>/dev/null | grep -q two; }
wait_until 30 is_begun
kill -9 "$first"
wait "$first" 2>/dev/null || true
wait $exchanger 2>/dev/null || true
umount -l "$M" 2>/dev/null || true
cat >exchanged.py <<'P'
import os, sys
m = sys.argv[1]
for top, was, numbers in ("two", "one", range(0, 2000)), ("one", "two", range(1000, 3000)):
    names = sorted(f"d{i % 5}/f{i}" for i in numbers)
    got = sorted(os.path.join(d, f) for d in os.listdir(f"{m}/{top}") for f in os.listdir(f"{m}/{top}/{d}"))
    if got != names: sys.exit(f"{top}: {len(got)} of {len(names)} {sorted(set(got) ^ set(names))[:5]}")
    for name in names:
        text = os.getxattr(f"{m}/{top}/{name}", "user.nats.description").decode()
        if text != f"{was} {name.split('f')[1]}": sys.exit(f"{top}/{name} is {text}")
P
! python3 exchanged.py "$B" 2>/dev/null || echo "it was done before the kill"
is_finished() { [ "$(count "$B/one")" = 2000 ] && python3 exchanged.py "$B" 2>/dev/null; }
wait_until 60 is_finished
mount_at "$M"
python3 exchanged.py "$M"
unmount_and_wait "$B" "$second"
end
