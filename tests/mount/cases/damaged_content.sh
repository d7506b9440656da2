# SPDX-License-Identifier: Apache-2.0
# Content that is not what its metadata says is an error, never wrong bytes; everything else can be
# read, also what is only unusual.
begin
echo good >"$M/good"
python3 - "$URL" "$M" <<'P'
import errno, os, sys, time
from raw import Raw
raw, m = Raw(sys.argv[1]), sys.argv[2]
K = 131072
piece = [os.urandom(K) for _ in range(3)] + [os.urandom(500)]
whole = b"".join(piece)

def wait_for(name):
    end = time.monotonic() + 10
    while not os.path.exists(f"{m}/{name}"):
        assert time.monotonic() < end, f"{name} never appeared"
        time.sleep(0.01)

def read(name):
    with open(f"{m}/{name}", "rb", buffering=0) as f:
        out = b""
        while block := f.read(65536): out += block
    return out

# Only unusual.
sizes = [1, 70000, 131072, 5, 100000]
data = os.urandom(sum(sizes))
cut = [data[sum(sizes[:i]):sum(sizes[:i + 1])] for i in range(len(sizes))]
raw.put("uneven", cut)
raw.put("empty_tail", piece[:3] + [b""])
raw.put("empty_and_tail", [b""])
raw.put("no_digest", piece, digest="")
raw.put("no_options", piece, options=None)
for name, expected in (("uneven", data), ("empty_tail", whole[:3 * K]), ("empty_and_tail", b""),
                       ("no_digest", whole), ("no_options", whole)):
    wait_for(name)
    assert os.stat(f"{m}/{name}").st_size == len(expected), name
    assert read(name) == expected, name
raw.put("uneven_random", cut)
wait_for("uneven_random")
fd = os.open(m + "/uneven_random", os.O_RDONLY)
for at in (301000, 70000, 0, 70001, 201078, 131072):
    assert os.pread(fd, 3000, at) == data[at:at + 3000], at
os.close(fd)

# Damaged: what is read must be right up to an error.
def damaged(name, expected=(errno.EIO,)):
    wait_for(name)
    for _ in range(2):
        out = b""
        try:
            with open(f"{m}/{name}", "rb", buffering=0) as f:
                while block := f.read(65536): out += block
        except OSError as e:
            assert e.errno in expected, (name, e)
        else:
            sys.exit(f"{name}: read {len(out)} bytes without an error")

zeros = "SHA-256=" + "A" * 43 + "="
raw.put("wrong_digest", piece, digest=zeros)
raw.put("wrong_digest_small", [b"tiny"], digest=zeros)
raw.put("no_such_digest", piece, digest="MD5=abc")
raw.put("swapped", [piece[1], piece[0]] + piece[2:], digest=zeros)
raw.put("too_long", piece, size=len(whole) + 5000)
raw.put("too_short", piece, size=len(whole) - 5000)
raw.put("one_chunk_less", piece, chunks=3)
raw.put("one_chunk_more", piece, chunks=5)
raw.put("no_chunks", [], size=1000, chunks=1)
raw.put("much_too_long", piece, size=1 << 62, chunks=(1 << 32) - 1)
for name in ("wrong_digest", "wrong_digest_small", "no_such_digest", "swapped", "too_long",
             "too_short", "one_chunk_less", "one_chunk_more", "no_chunks"):
    damaged(name)
wait_for("much_too_long")
try: fd = os.open(m + "/much_too_long", os.O_RDONLY); os.pread(fd, 4096, 1 << 61)
except OSError as e: assert e.errno in (errno.EIO, errno.EFBIG, errno.EOVERFLOW), e
else: sys.exit("read at 2^61 succeeded")
for i in range(4):
    sequences = raw.put(f"hole{i}", piece)
    raw.delete_message(sequences[i])
    damaged(f"hole{i}")
    # What is there can still be read by itself.
    fd = os.open(f"{m}/hole{i}", os.O_RDONLY) if i == 3 else -1
    if fd >= 0:
        try: assert os.pread(fd, 4096, 0) == whole[:4096]
        except OSError as e: assert e.errno == errno.EIO, e
        os.close(fd)

# Chunks removed under an open descriptor: its bytes or an error.
raw.put("pulled", piece)
wait_for("pulled")
fd = os.open(m + "/pulled", os.O_RDONLY)
assert os.pread(fd, 100, 0) == whole[:100]
raw.put("pulled", [b"replaced"])
raw.api("STREAM.PURGE.OBJ_b", {"filter": "$O.b.C.*", "keep": 1})
try: assert os.pread(fd, 100, 2 * K) == whole[2 * K:2 * K + 100]
except OSError as e: assert e.errno in (errno.ESTALE, errno.EIO), e
os.close(fd)
P
ls -l "$M" >/dev/null
rm "$M/wrong_digest"
echo new >"$M/new"
assert_eq "$(cat "$M/new")" new
end
