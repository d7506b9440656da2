# SPDX-License-Identifier: Apache-2.0
# RENAME_EXCHANGE of directories, and of a directory with a file: its rules, with files open below, and
# as another mount sees it.
begin
first=$MOUNT_PID
B=$WORK/other
mount_at "$B"
second=$MOUNT_PID
cat >exchange.py <<'P'
import ctypes, errno, os, sys, time
libc = ctypes.CDLL(None, use_errno=True)
def exchange(a, b):
    if libc.renameat2(-100, a.encode(), -100, b.encode(), 2):
        raise OSError(ctypes.get_errno(), f"exchange {a} {b}")
def refused(name, a, b):
    try: exchange(a, b)
    except OSError as e: assert e.errno == getattr(errno, name), (e, name)
    else: sys.exit(f"{a} {b}: exchanged")
def until(f):
    end = time.monotonic() + 20
    while not f():
        assert time.monotonic() < end, f.__name__
        time.sleep(0.02)
def put(p, text):
    with open(p, "w") as f: f.write(text)
def get(p):
    with open(p) as f: return f.read()
P
cat >rules.py <<'P'
import os, stat, sys
from exchange import *
m, other = sys.argv[1:]
os.chdir(m)
for d in "a", "a/sub", "b", "p", "p/c": os.mkdir(d)
os.chmod("a", 0o700)
put("a/f", "a's"); put("b/f", "b's"); put("a/sub/x", "deep"); put("p/file", "file")
os.link("a/f", "a/hard"); os.symlink("f", "a/sym"); os.mkfifo("b/fifo")
refused("ENOENT", "a", "none"); refused("EINVAL", "a", "a/sub"); refused("EINVAL", "a/sub", "a")
refused("EINVAL", "p", "p/file")
inodes = os.stat("a").st_ino, os.stat("b").st_ino, os.stat("a/f").st_ino
times = os.stat("a/sub").st_mtime_ns, os.stat("a/f").st_ctime_ns
held = open("a/f", "r+")
here = os.open("a/sub", os.O_DIRECTORY)
exchange("a", "b")
assert (os.stat("b").st_ino, os.stat("a").st_ino, os.stat("b/f").st_ino) == inodes
assert (os.stat("b/sub").st_mtime_ns, os.stat("b/f").st_ctime_ns) == times
assert stat.S_IMODE(os.stat("b").st_mode) == 0o700 and stat.S_IMODE(os.stat("a").st_mode) == 0o755
assert os.stat("b").st_nlink == 3 and os.stat("a").st_nlink == 2
assert sorted(os.listdir("a")) == ["f", "fifo"], os.listdir("a")
assert sorted(os.listdir("b")) == ["f", "hard", "sub", "sym"], os.listdir("b")
assert (get("a/f"), get("b/f"), get("b/sym"), get("b/hard")) == ("b's", "a's", "a's", "a's")
held.write("A"); held.close()
assert get("b/f") == "A's" and get("b/hard") == "A's" and get("a/f") == "b's"
with open("x", "w", opener=lambda n, f: os.open(n, f, dir_fd=here)) as f: f.write("new")
assert get("b/sub/x") == "new"
# With a file, elsewhere, and back.
exchange("b", "p/file")
assert get("b") == "file" and get("p/file/sub/x") == "new" and get("p/file/f") == "A's"
assert os.stat("p").st_nlink == 4 and sorted(os.listdir("p")) == ["c", "file"]
until(lambda: os.path.isfile(other + "/b") and os.path.exists(other + "/p/file/sub/x"))
assert get(other + "/b") == "file" and get(other + "/p/file/f") == "A's" and get(other + "/a/f") == "b's"
assert sorted(os.listdir(other)) == ["a", "b", "p"] and os.readlink(other + "/p/file/sym") == "f"
exchange("p/file", "p/c")
assert os.listdir("p/file") == [] and get("p/c/f") == "A's"
os.rmdir("p/file")
P
PYTHONPATH=$WORK python3 rules.py "$M" "$B"
# What moved out of a directory of the tree leaves that's time alone, also at the next mount.
mkdir "$M/q" "$M/q/sub" "$M/r" "$M/r/sub"
touch "$M/q/sub/only" "$M/r/sub/other"
touch -d 2001-01-01 "$M/q/sub" "$M/r/sub" "$M/q" "$M/r"
PYTHONPATH=$WORK python3 -c 'import sys; from exchange import *; exchange(*sys.argv[1:])' "$M/q" "$M/r"
assert_eq "$(stat -c %Y "$M"/[qr] "$M"/[qr]/sub | sort -u)" "$(date -d 2001-01-01 +%s)"
unmount_and_wait "$M" "$first"
mount_at "$M"
assert_eq "$(stat -c %Y "$M"/[qr] "$M"/[qr]/sub | sort -u)" "$(date -d 2001-01-01 +%s)"
assert_eq "$(cat "$M/b" "$M/p/c/f" "$M/p/c/sub/x" "$M/a/f")" "fileA'snewb's"
unmount_and_wait "$B" "$second"
end
