# SPDX-License-Identifier: Apache-2.0
# A file that is replaced by renames and rewritten all the time: whoever opens and reads it, here or on
# another host, gets one whole version, and no error. DURATION= (seconds).
begin
first=$MOUNT_PID
B=$WORK/other
mount_at "$B"
second=$MOUNT_PID
cat >replaced.py <<'P'
import os, sys, threading, time
seconds, writer, reader, rewrites = float(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4] == "rewrites"
SIZES = (16, 400, 180000)

def content(i):
    return b"%08d" % i * (SIZES[i % 3] // 8)

def put(path, i):
    with open(path, "wb") as f: f.write(content(i))

put(f"{writer}/x", 0)
while not os.path.exists(f"{reader}/x"): time.sleep(0.02)
odd, counts, end = [], [0, 0], time.monotonic() + seconds

def write():
    while time.monotonic() < end or min(counts) < 20:
        counts[0] += 1
        if rewrites and counts[0] % 3 == 0:
            put(f"{writer}/x", counts[0])
        else:
            put(f"{writer}/t", counts[0])
            os.rename(f"{writer}/t", f"{writer}/x")

def read():
    while time.monotonic() < end or min(counts) < 20:
        try:
            with open(f"{reader}/x", "rb", buffering=0) as f:
                got = b"".join(iter(lambda: f.read(65536), b""))
        except OSError as e:
            odd.append(e)
            continue
        counts[1] += 1
        # Who rewrites a file is seen at it on the same host, as on any disk.
        if not rewrites and got != content(int(got[:8] or b"0")): odd.append((len(got), got[:8], got[-8:]))

threads = [threading.Thread(target=f) for f in [write] + 4 * [read]]
for t in threads: t.start()
for t in threads: t.join()
assert not odd, (len(odd), odd[:5], counts)
P
python3 replaced.py "${DURATION:-2}" "$M" "$B" renames
python3 replaced.py "${DURATION:-2}" "$M" "$M" renames
python3 replaced.py "${DURATION:-2}" "$M" "$M" rewrites
unmount_and_wait "$B" "$second"
end
