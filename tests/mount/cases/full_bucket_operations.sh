# SPDX-License-Identifier: Apache-2.0
# In a full bucket each operation that needs room is ENOSPC and changes nothing, for this mount and for
# a fresh one; removing works, and makes room.
begin "bucket_size=32M,purge_delay=0s"
mkdir "$M/filler" "$M/dir" "$M/dir/sub" "$M/empty" "$M/doomed"
echo one >"$M/dir/one"
echo two >"$M/dir/sub/two"
head -c 300000 /dev/urandom >"$M/big"
head -c 4000000 /dev/urandom >"$M/room"
echo doomed >"$M/doomed/file"
ln -s dir/one "$M/link"
setfattr -n user.a -v b "$M/big"
echo linked >"$M/name"
ln "$M/name" "$M/dir/name"
cat >operations.py <<'P'
import ctypes, errno, hashlib, os, sys, time
libc = ctypes.CDLL(None, use_errno=True)
m = sys.argv[1]
os.chdir(m)

def gone(path):
    # The kernel is told after the error.
    end = time.monotonic() + 10
    while os.path.exists(path): assert time.monotonic() < end, path

fillers = 0
def fill():
    """Until there is no room for a chunk, and then for none of the metadata."""
    global fillers
    for size in 1 << 20, 1 << 17, 1 << 14, 1 << 11, 0:
        refused = False
        while not refused:
            path = f"filler/{fillers}"
            try:
                with open(path, "wb", buffering=0) as f: f.write(bytes(size))
                fillers += 1
            except OSError as e:
                assert e.errno == errno.ENOSPC, (size, e)
                refused = True
                gone(path)

def state():
    seen = []
    for where, dirs, files in os.walk("."):
        dirs[:] = sorted(set(dirs) - {"filler"})
        for name in sorted(dirs + files):
            path = os.path.join(where, name)
            st = os.lstat(path)
            content = None
            if os.path.islink(path): content = os.readlink(path)
            elif os.path.isfile(path):
                content = hashlib.sha256(open(path, "rb").read()).hexdigest()
                content += repr([(k, os.getxattr(path, k)) for k in sorted(os.listxattr(path))
                                 if not k.startswith("user.nats.")])
            seen.append((path, st.st_mode, st.st_uid, st.st_nlink, st.st_mtime_ns, os.path.isdir(path) or st.st_size, content))
    return seen

def store(path, flags, change):
    fd = os.open(path, flags, 0o644)
    try: change(fd)
    finally: os.close(fd)
def put(path, flags, n, at=0): store(path, flags, lambda fd: os.pwrite(fd, b"x" * n, at))
def copy_range(fd):
    with open("big", "rb") as f: os.copy_file_range(f.fileno(), fd, 200000, 0, 0)

def exchange(a, b):
    if libc.renameat2(-100, a.encode(), -100, b.encode(), 2): raise OSError(ctypes.get_errno(), "exchange")

W, C, T, A, X = os.O_RDWR, os.O_CREAT, os.O_TRUNC, os.O_APPEND, os.O_EXCL
operations = {
    "create": lambda: put("new", W | C, 10),
    "create empty": lambda: put("new", W | C, 0),
    "create exclusive": lambda: put("new", W | C | X, 10),
    "create and stream": lambda: put("new", W | C, 3000000),
    "replace": lambda: put("big", W | T, 10),
    "replace with more": lambda: put("big", W | T, 3000000),
    "empty": lambda: put("big", W | T, 0),
    "change": lambda: put("big", W, 10, 200000),
    "append": lambda: put("big", W | A, 10),
    "truncate": lambda: os.truncate("big", 100),
    "extend": lambda: os.truncate("big", 400000),
    "ftruncate": lambda: store("big", W, lambda fd: os.ftruncate(fd, 5)),
    "allocate": lambda: store("big", W, lambda fd: os.posix_fallocate(fd, 0, 500000)),
    "copy a range": lambda: store("new", W | C, copy_range),
    "fsync": lambda: store("new", W | C, lambda fd: (os.write(fd, b"x"), os.fsync(fd))),
    "mkdir": lambda: os.mkdir("new"),
    "symlink": lambda: os.symlink("big", "new"),
    "fifo": lambda: os.mkfifo("new"),
    "link": lambda: os.link("big", "new"),
    "rename": lambda: os.rename("big", "new"),
    "rename over": lambda: os.rename("big", "dir/one"),
    "rename a directory": lambda: os.rename("dir", "new"),
    "rename a directory over": lambda: os.rename("dir", "empty"),
    "rename one name of several": lambda: os.rename("name", "new"),
    "link to one of several": lambda: os.link("name", "new"),
    "exchange": lambda: exchange("big", "dir/one"),
    "exchange directories": lambda: exchange("dir", "doomed"),
    "exchange with a directory": lambda: exchange("big", "dir"),
    "chmod": lambda: os.chmod("big", 0o600),
    "chmod a directory": lambda: os.chmod("dir", 0o700),
    "utimens": lambda: os.utime("big", (1, 1)),
    "setxattr": lambda: os.setxattr("big", "user.new", b"x"),
    "removexattr": lambda: os.removexattr("big", "user.a"),
}
if os.geteuid() == 0: operations["chown"] = lambda: os.chown("big", 1, 1)

fill()
wanted = state()
for name, operation in operations.items():
    try: operation()
    except OSError as e: assert e.errno == errno.ENOSPC, (name, e)
    else: sys.exit(f"{name}: went well")
    gone("new")
    # The failed state ends with the release of the descriptor, which close(2) does not wait for.
    end = time.monotonic() + 10
    while True:
        try: got = state()
        except OSError as e: got = [e]
        if got == wanted or time.monotonic() > end: break
        time.sleep(0.01)
    assert got == wanted, (name, [x for x in got if x not in wanted], [x for x in wanted if x not in got])
    fill()
os.unlink("dir/name")
os.unlink("doomed/file")
os.rmdir("doomed")
os.rmdir("empty")
os.unlink("room")
# The chunks are purged behind the removal.
end = time.monotonic() + 20
for name in "create", "mkdir", "rename", "chmod a directory":
    if os.path.lexists("new"): (os.rmdir if os.path.isdir("new") else os.unlink)("new")
    while True:
        try: operations[name]()
        except OSError as e: assert time.monotonic() < end, ("after a removal", name, e)
        else: break
        time.sleep(0.05)
P
python3 operations.py "$M"
end
mount_at "$M"
assert_eq "$(cat "$M/dir/one" "$M/dir/sub/two" | tr '\n' ' ')" "one two "
assert_eq "$(ls "$M" | tr '\n' ' ')" "dir filler link name "
assert_eq "$(cat "$M/name") $(stat -c %h "$M/name")" "linked 1"
end
