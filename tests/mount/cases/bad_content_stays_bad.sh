# SPDX-License-Identifier: Apache-2.0
# Once content was found to contradict its digest, no later open gets its bytes from any cache, in
# whatever order they are asked for; that is said once; a new version is readable.
begin
python3 - "$URL" "$M" <<'P'
import errno, mmap, os, sys, time
from raw import Raw
raw, m = Raw(sys.argv[1]), sys.argv[2]
K = 131072
wrong = "SHA-256=" + "A" * 43 + "="

def is_bad(f):
    try: f()
    except OSError as e: return e.errno == errno.EIO
    return False
def scan(name, step):
    with open(name, "rb", buffering=0) as f:
        while f.read(step): pass
def first(name):
    with open(name, "rb", buffering=0) as f: return os.pread(f.fileno(), 100, 0)

for i, step in enumerate([65536, 4096, 1000, 1 << 20, K, 65536, 65536, 10000]):
    name = f"{m}/w{i}"
    data = [os.urandom(K) for _ in range(30 if i % 2 else 3)] + [os.urandom(500)]
    raw.put(f"w{i}", data, digest=wrong)
    end = time.monotonic() + 15
    while not os.path.exists(name): assert time.monotonic() < end; time.sleep(0.01)
    # Pages of it are in the kernel's cache, and a descriptor is open.
    held = open(name, "rb", buffering=0)
    os.pread(held.fileno(), 100, 0)
    for turn in (1, 2, 3):
        assert is_bad(lambda: scan(name, step)), f"w{i}, turn {turn}: read to the end without an error"
    assert is_bad(lambda: first(name)), f"w{i}: its first bytes are read after it was found bad"
    end = time.monotonic() + 10
    while not is_bad(lambda: os.pread(held.fileno(), 100, 0)):
        assert time.monotonic() < end, f"w{i}: an open descriptor goes on reading from cached pages"
        time.sleep(0.02)
    held.close()
    raw.put(f"w{i}", data)
    end = time.monotonic() + 10
    while True:
        try:
            with open(name, "rb") as f: got = f.read()
            if got == b"".join(data): break
        except OSError: pass
        assert time.monotonic() < end, f"w{i}: a good version is not readable"
        time.sleep(0.02)
P
assert_eq "$(grep -c 'contradicts its SHA-256' log.m)" 8
end
