# SPDX-License-Identifier: Apache-2.0
# Once content was found to contradict its digest, no later open gets its bytes from any cache.
begin
python3 - "$URL" "$M" <<'P'
import os, sys, time
from raw import Raw
raw, m = Raw(sys.argv[1]), sys.argv[2]
for i in range(12):
    name = f"{m}/w{i}"
    raw.put(f"w{i}", [os.urandom(131072) for _ in range(3)] + [os.urandom(500)], digest="SHA-256=" + "A" * 43 + "=")
    end = time.monotonic() + 10
    while not os.path.exists(name): assert time.monotonic() < end; time.sleep(0.01)
    time.sleep(0.1)
    for turn in (1, 2, 3):
        try:
            with open(name, "rb", buffering=0) as f:
                while f.read(65536): pass
        except OSError: pass
        else: sys.exit(f"w{i}, turn {turn}: read to the end without an error")
P
end
