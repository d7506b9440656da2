# SPDX-License-Identifier: Apache-2.0
# Random writes, reads, truncations, appends, renames and reopens, compared with a model. OPS and
# SEED repeat or prolong a run.
begin
python3 - "$M" "${SEED:-7}" "${OPS:-3000}" <<'P'
import os, random, sys
m, seed, ops = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rnd = random.Random(seed)
name, model = m + "/f", bytearray()
fd = os.open(name, os.O_RDWR | os.O_CREAT)
def at():
    # Boundaries of chunks are where mistakes are.
    base = rnd.choice([0, 131072, 262144, 393216, len(model), rnd.randrange(500000)])
    return max(0, base + rnd.randint(-3, 3))
for i in range(ops):
    op = rnd.random()
    if op < 0.40:
        off, n = at(), rnd.choice([1, 100, 4096, 131072, 200000])
        data = rnd.randbytes(n)
        assert os.pwrite(fd, data, off) == n
        if off > len(model): model.extend(bytes(off - len(model)))
        model[off:off + n] = data
    elif op < 0.75:
        off, n = at(), rnd.choice([1, 100, 4096, 131072, 300000])
        got = os.pread(fd, n, off)
        assert got == bytes(model[off:off + n]), (seed, i, "read", off, n, len(got), len(model))
    elif op < 0.85:
        n = at()
        os.ftruncate(fd, n)
        if n > len(model): model.extend(bytes(n - len(model)))
        del model[n:]
    elif op < 0.88:
        os.fsync(fd)
    elif op < 0.91:
        to = m + "/" + rnd.choice("fgh")
        os.rename(name, to); name = to
    else:
        os.close(fd)
        flags = os.O_RDWR
        if rnd.random() < 0.1: flags |= os.O_TRUNC; model.clear()
        fd = os.open(name, flags)
    assert os.fstat(fd).st_size == len(model), (seed, i, os.fstat(fd).st_size, len(model))
os.close(fd)
open("model", "wb").write(model)
open("name", "w").write(os.path.basename(name))
P
same model "$M/$(cat name)"
assert_eq "$(ls "$M")" "$(cat name)"
end
mount_at "$M"
same model "$M/$(cat name)"
end
