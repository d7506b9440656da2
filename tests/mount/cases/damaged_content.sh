# SPDX-License-Identifier: Apache-2.0
# Content that is not what its metadata says reads as EIO, never as other bytes; it can still be
# listed, replaced and removed, and is never the base of something that is stored.
begin
python3 - "$URL" "$M" <<'P'
import errno, os, sys, time
from raw import Raw
raw, m = Raw(sys.argv[1]), sys.argv[2]
K = 131072

def pieces(): return [os.urandom(K) for _ in range(4)] + [os.urandom(500)]
def shown(name, size=None):
    end = time.monotonic() + 15
    while not (os.path.exists(f"{m}/{name}") and size in (None, os.stat(f"{m}/{name}").st_size)):
        assert time.monotonic() < end, f"{name} is not shown"
        time.sleep(0.01)
def error_of(f):
    try: return None, f()
    except OSError as e: return e.errno, None
def scan(name, step=65536):
    got = b""
    with open(f"{m}/{name}", "rb", buffering=0) as f:
        while True:
            b = f.read(step)
            if not b: return got
            got += b
def pread(name, at, n):
    with open(f"{m}/{name}", "rb", buffering=0) as f: return os.pread(f.fileno(), n, at)

def good(name): p = pieces(); raw.put(name, p); return p
def flipped(name):
    p = pieces(); q = list(p); q[2] = q[2][:-1] + bytes([q[2][-1] ^ 1])
    raw.put_as(name, q, p); return p
def lost(i):
    def make(name): p = pieces(); raw.delete_message(raw.put(name, p)[i]); return p
    return make
def all_lost(name):
    p = pieces()
    for seq in raw.put(name, p): raw.delete_message(seq)
    return p
def changed(**other):
    def make(name): p = pieces(); raw.put(name, p, **other); return p
    return make
def messages(change):
    def make(name): p = pieces(); raw.put_as(name, change(p), p); return p
    return make

size = 4 * K + 500
cases = {
    "flipped": flipped, "first-lost": lost(0), "middle-lost": lost(2), "last-lost": lost(4), "all-lost": all_lost,
    "digest-wrong": changed(digest="SHA-256=" + "A" * 43 + "="),
    "digest-odd": changed(digest="MD5=AAAA"), "digest-short": changed(digest="SHA-256=AAAA"),
    "names-one-less": changed(chunks=4), "names-one-more": changed(chunks=6),
    "names-none": changed(chunks=0), "names-many": changed(chunks=2**31),
    "size-less": changed(size=size - 1), "size-more": changed(size=size + 1), "size-huge": changed(size=2**62),
    "truncated": messages(lambda p: p[:1] + [p[1][:-7]] + p[2:]),
    "end-truncated": messages(lambda p: p[:4] + [p[4][:-1]]),
    "swapped": messages(lambda p: [p[1], p[0]] + p[2:]),
    "extra-first": messages(lambda p: [os.urandom(K)] + p),
    "extra-middle": messages(lambda p: p[:2] + [os.urandom(K)] + p[2:]),
    "extra-last": messages(lambda p: p + [os.urandom(500)]),
    "twice": messages(lambda p: p + p),
}
for name, make in cases.items():
    true = b"".join(make(name))
    shown(name)
    for turn in range(2):
        e, got = error_of(lambda: scan(name))
        assert e == errno.EIO, (name, turn, e, got == true)
    # The same from an end that moves backwards: what is answered is not other content of the object.
    e, got = error_of(lambda: pread(name, 0, 100))
    assert e in (None, errno.EIO), (name, e)
    # Not the base of a change either: neither by a write into it nor by an append.
    before = os.stat(f"{m}/{name}")
    def into():
        with open(f"{m}/{name}", "r+b", buffering=0) as f: os.pwrite(f.fileno(), b"x", 10); os.fsync(f.fileno())
    def behind():
        with open(f"{m}/{name}", "ab", buffering=0) as f: f.write(b"x"); os.fsync(f.fileno())
    for change in (into, behind):
        e, _ = error_of(change)
        assert e == errno.EIO, (name, change.__name__, e)
    assert os.stat(f"{m}/{name}").st_size == before.st_size, name
    assert error_of(lambda: scan(name))[0] == errno.EIO, (name, "after refused changes")
    # A new version is readable.
    if len(name) % 2:
        with open(f"{m}/{name}", "wb") as f: f.write(b"new")
        assert scan(name) == b"new", name
    else:
        p = good(name)
        shown(name, size)
        end = time.monotonic() + 10
        while error_of(lambda: scan(name))[1] != b"".join(p):
            assert time.monotonic() < end, (name, "stays bad")
            time.sleep(0.02)
    os.rename(f"{m}/{name}", f"{m}/{name}.old")
    os.remove(f"{m}/{name}.old")
# A damaged object moves and goes like any other.
flipped("d")
shown("d")
os.rename(f"{m}/d", f"{m}/e")
assert error_of(lambda: scan("e"))[0] == errno.EIO
os.chmod(f"{m}/e", 0o600)
assert error_of(lambda: scan("e"))[0] == errno.EIO
os.remove(f"{m}/e")
assert os.listdir(m) == []
# Lost chunks of a version that was replaced are ESTALE for the descriptor that still has it, or EIO
# when their loss was noticed before.
p = pieces()
seqs = raw.put("replaced", p)
shown("replaced")
with open(f"{m}/replaced", "rb", buffering=0) as f:
    for seq in seqs: raw.delete_message(seq)
    q = good("replaced")
    end = time.monotonic() + 10
    while error_of(lambda: scan("replaced"))[1] != b"".join(q): assert time.monotonic() < end
    e, got = error_of(lambda: os.pread(f.fileno(), 1000, 2 * K))
    assert e in (errno.ESTALE, errno.EIO) or got == p[2][:1000], e
P
end
