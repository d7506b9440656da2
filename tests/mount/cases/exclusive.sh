# SPDX-License-Identifier: Apache-2.0
# Of several creators on two mounts exactly one wins, for files and for directories.
begin
first=$MOUNT_PID B=$WORK/other
mount_at "$B"
python3 - "$M" "$B" <<'P'
import os, sys
from concurrent.futures import ThreadPoolExecutor
mounts = sys.argv[1:]
def make_file(path):
    try: fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError: return 0
    os.write(fd, path.encode()); os.close(fd)
    return 1
def make_dir(path):
    try: os.mkdir(path)
    except FileExistsError: return 0
    return 1
with ThreadPoolExecutor(8) as pool:
    for i in range(40):
        for make, kind in ((make_file, "f"), (make_dir, "d")):
            won = sum(pool.map(make, [f"{m}/{kind}{i}" for m in mounts * 4]))
            assert won == 1, (kind, i, won)
        a, b = (open(f"{m}/f{i}").read() for m in mounts)
        assert a == b and a.endswith(f"/f{i}"), (a, b)
P
set -o noclobber
{ echo x >"$M/f0"; } 2>/dev/null && fail "noclobber overwrote a file"
set +o noclobber
unmount_and_wait "$B" "$MOUNT_PID"
unmount_and_wait "$M" "$first"
