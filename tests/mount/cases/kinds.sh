# SPDX-License-Identifier: Apache-2.0
# Symbolic links, special files and sockets; renames that exchange or refuse; one name for two kinds.
chmod 755 "$WORK"
begin allow_other
python3 - "$M" "$URL" <<'P'
import base64, ctypes, errno, json, os, socket, stat, sys, time
import raw
m, url = sys.argv[1:]
c = raw.Raw(url)
libc = ctypes.CDLL(None, use_errno=True)
NOREPLACE, EXCHANGE = 1, 2
def rename2(a, b, flags):
    if libc.renameat2(-100, a.encode(), -100, b.encode(), flags):
        raise OSError(ctypes.get_errno(), "renameat2")
def refused(name, f, *a):
    try: f(*a)
    except OSError as e: assert e.errno == getattr(errno, name), (e, name)
    else: sys.exit(f"{f} {a} succeeded")
def put(p, text):
    with open(p, "w") as f: f.write(text)
def get(p): return open(p).read()
def meta(name):
    token = base64.urlsafe_b64encode(name.encode()).decode()
    answer = c.api("STREAM.MSG.GET.OBJ_b", {"last_by_subj": f"$O.b.M.{token}"})
    return json.loads(base64.b64decode(answer["message"]["data"]))
def until(f):
    end = time.time() + 20
    while not f():
        assert time.time() < end, f
        time.sleep(0.02)

# Links: to an object they are object links for others, else their content is the target.
os.mkdir(m + "/d"); put(m + "/d/file", "text")
os.symlink("d/./file", m + "/l"); os.symlink("/etc/hostname", m + "/abs"); os.symlink("self", m + "/self")
assert meta("l")["options"]["link"] == {"bucket": "b", "name": "d/file"}
assert os.readlink(m + "/l") == "d/./file" and get(m + "/l") == "text"
assert "link" not in meta("abs").get("options", {}) and meta("abs")["size"] == 13
refused("ELOOP", open, m + "/self")
long = "x/" * 2000 + "y"
os.symlink(long, m + "/long"); assert os.readlink(m + "/long") == long
refused("EEXIST", os.symlink, "x", m + "/l")
c.meta("theirs", {"name": "theirs", "bucket": "b", "options": {"link": {"bucket": "b", "name": "d/file"}}})
c.meta("away", {"name": "away", "bucket": "b", "options": {"link": {"bucket": "other", "name": "x"}}})
until(lambda: os.path.lexists(m + "/theirs") and os.path.lexists(m + "/away"))
assert os.readlink(m + "/theirs") == "d/file" and get(m + "/theirs") == "text"
assert "other" in os.readlink(m + "/away")
refused("ENOENT", open, m + "/away")
# Special files.
os.mkfifo(m + "/fifo", 0o600)
os.mknod(m + "/dev", stat.S_IFCHR | 0o640, os.makedev(1, 3))
assert os.stat(m + "/dev").st_rdev == os.makedev(1, 3)
server = socket.socket(socket.AF_UNIX); server.bind(m + "/sock"); server.listen()
client = socket.socket(socket.AF_UNIX); client.connect(m + "/sock")
assert stat.S_ISSOCK(os.stat(m + "/sock").st_mode)
refused("EADDRINUSE", socket.socket(socket.AF_UNIX).bind, m + "/sock")
# Renames with flags.
put(m + "/a", "one"); put(m + "/b", "second")
refused("EEXIST", rename2, m + "/a", m + "/b", NOREPLACE)
ino = os.stat(m + "/a").st_ino
rename2(m + "/a", m + "/b", EXCHANGE)
assert get(m + "/a") == "second" and get(m + "/b") == "one" and os.stat(m + "/b").st_ino == ino
rename2(m + "/a", m + "/l", EXCHANGE)
assert os.readlink(m + "/a") == "d/./file" and get(m + "/l") == "second"
refused("ENOENT", rename2, m + "/a", m + "/none", EXCHANGE)
refused("EINVAL", rename2, m + "/a", m + "/b", EXCHANGE | NOREPLACE)
rename2(m + "/b", m + "/c", NOREPLACE)
# A new file that is still being written takes the name of another, which others see until it is whole.
put(m + "/config", "old")
f = open(m + "/config.new", "w"); f.write("new"); f.flush()
os.rename(m + "/config.new", m + "/config")
assert meta("config")["size"] == 3 and not os.path.exists(m + "/config.new")
f.write(" and complete"); f.close()
assert get(m + "/config") == "new and complete" and meta("config")["size"] == 16
# One name, two kinds: the directory wins, the file is shown beside it.
c.put("both", [b"file"]); c.put("both/x", [b"below"])
c.put("also/x", [b"below"]); c.put("also", [b"file"])
for name in ("both", "also"):
    until(lambda: os.path.exists(f"{m}/%=f{name}") and os.path.isdir(f"{m}/{name}"))
    assert get(f"{m}/%=f{name}") == "file" and os.listdir(f"{m}/{name}") == ["x"]
os.rename(m + "/both", m + "/moved")
assert get(m + "/both") == "file" and os.listdir(m + "/moved") == ["x"]
# The reserved name.
refused("EEXIST", os.mkdir, m + "/.natsobj")
try: os.rename(m + "/d", m + "/.natsobj")
except OSError as e: assert e.errno in (errno.EPERM, errno.EEXIST, errno.ENOTEMPTY), e
else: sys.exit("a directory took the reserved name")
# Sticky directories and permissions are the kernel's, for other users too.
os.chmod(m, 0o755)
os.mkdir(m + "/tmp"); os.chmod(m + "/tmp", 0o1777); put(m + "/tmp/roots", "x")
def as_nobody():
    os.setuid(65534)
    refused("EACCES", os.unlink, m + "/a")
    refused("EPERM", os.unlink, m + "/tmp/roots")
    refused("EPERM", os.rename, m + "/tmp/roots", m + "/tmp/mine")
if os.geteuid() == 0:
    pid = os.fork()
    if pid == 0:
        try: as_nobody(); os._exit(0)
        except BaseException as e: print(e, file=sys.stderr); os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0
P
find "$M" -printf '%P %y %l %s\n' | grep -v ' d ' | LC_ALL=C sort >before
end
mount_at "$M"
find "$M" -printf '%P %y %l %s\n' | grep -v ' d ' | LC_ALL=C sort >after
same before after
end
