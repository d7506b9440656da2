# SPDX-License-Identifier: Apache-2.0
# Files mapped into memory: read, changed, and stored when the mapping is gone.
begin
head -c 400000 /dev/urandom >f
cp f "$M/f"
python3 - "$M/f" f <<'P'
import mmap, sys
for path in sys.argv[1:]:
    with open(path, "r+b") as f, mmap.mmap(f.fileno(), 0) as m:
        assert len(m) == 400000
        m[131070:131076] = b"across"
        m[0] = m[399999] = 65
        m.flush()
    # Pages go to their place although writes to this descriptor are appended.
    with open(path, "a+b") as f, mmap.mmap(f.fileno(), 0) as m:
        m[5:9] = b"here"
P
same f "$M/f"
end
mount_at "$M"
same f "$M/f"
end
