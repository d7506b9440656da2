# SPDX-License-Identifier: Apache-2.0
# Processes in directories that were just made, or moved, know where they are.
begin
python3 - "$M" <<'P'
import os, sys
m = sys.argv[1]
N = 100
fds = []
for i in range(N):
    os.mkdir(f"{m}/d{i}")
    fds.append(os.open(f"{m}/d{i}", os.O_RDONLY))
    os.mkdir(f"{m}/d{i}/below")
    open(f"{m}/d{i}/f", "w").close()
    os.symlink("f", f"{m}/d{i}/s")
    os.unlink(f"{m}/d{i}/f")
for i, fd in enumerate(fds):
    os.fchdir(fd)
    assert os.getcwd() == f"{m}/d{i}", i
# A name that had another directory before.
os.chdir("/")
for i in range(N):
    os.rmdir(f"{m}/d{i}/below")
    os.mkdir(f"{m}/d{i}/below")
    fds.append(os.open(f"{m}/d{i}/below", os.O_RDONLY))
for i in range(N): os.rename(f"{m}/d{i}", f"{m}/e{i}")
for i in range(N):
    os.fchdir(fds[i])
    assert os.getcwd() == f"{m}/e{i}", i
    os.fchdir(fds[N + i])
    assert os.getcwd() == f"{m}/e{i}/below", i
P
end
