# SPDX-License-Identifier: Apache-2.0
# Paths whose object names are longer than a subject can be: up to what the kernel takes.
begin
M_PID=$MOUNT_PID
mount_at "$WORK/m2"
M2=$WORK/m2 M2_PID=$MOUNT_PID
cat >paths.py <<'P'
import errno, os, sys, time

M, M2 = sys.argv[1], sys.argv[2]
PART = "é" + "x" * 252 + "/"          # 255 bytes in a component

def refused(number, f, *a):
    try: f(*a)
    except OSError as e: assert e.errno == number, (f, e)
    else: sys.exit(f"{f} succeeded")

def size(path): return len(os.fsencode(path))

def long_dir(mount):
    """A directory of about 3900 bytes, and a name in it that fills a path of 4095 bytes."""
    d = ""
    while size(f"{mount}/{d}{PART}") < 3900: d += PART
    return d

def fill(mount, d, letter="n"):
    return f"{mount}/{d}" + letter * (4095 - size(f"{mount}/{d}"))

def seen(path, text):
    for _ in range(1500):
        try:
            if open(path).read() == text: return
        except OSError: pass
        time.sleep(0.02)
    sys.exit("not seen: …" + path[-40:])
P
cat >first.py <<'P'
from paths import *
d = long_dir(M)
os.makedirs(f"{M}/{d}")
f = fill(M, d)
assert size(f) == 4095
open(f, "w").write("text")
assert open(f).read() == "text"
refused(errno.EEXIST, os.mkdir, f)
refused(errno.EEXIST, os.open, f, os.O_CREAT | os.O_EXCL)
assert os.listdir(f"{M}/{d}") == [os.path.basename(f)]
refused(errno.ENOTEMPTY, os.rmdir, f"{M}/{d}")
# Attributes and appends are new versions of the same name.
os.chmod(f, 0o600)
os.setxattr(f, "user.color", b"blue")
open(f, "a").write(" and more")
st = os.stat(f)
assert (st.st_mode & 0o7777, st.st_size) == (0o600, 13), st
assert os.listxattr(f) == ["user.color"] and os.getxattr(f, "user.color") == b"blue"
# Long to short, to long, over another long one.
os.rename(f, f"{M}/short")
refused(errno.ENOENT, os.stat, f)
assert open(f"{M}/short").read() == "text and more"
g = fill(M, d, "o")
open(g, "w").write("other")
os.rename(f"{M}/short", g)
assert open(g).read() == "text and more" and os.listdir(M) == [PART[:-1]]
# Links of both kinds.
os.link(g, f"{M}/link")
assert os.stat(g).st_nlink == 2 and os.stat(f"{M}/link").st_ino == os.stat(g).st_ino
h = fill(M, d, "h")
os.link(f"{M}/link", h)
os.unlink(f"{M}/link")
assert os.stat(h).st_nlink == 2
os.unlink(h)
s = fill(M, d, "s")
os.symlink(os.path.basename(g), s)
assert open(s).read() == "text and more"
os.unlink(s)
P
cat >second.py <<'P'
from paths import *
d = long_dir(M)
# By way of the second mount the path is too long for one call.
os.chdir(M2)
for part in d.split("/")[:-1]: os.chdir(part)
name = os.path.basename(fill(M, d, "o"))
seen(name, "text and more")
open(name, "w").write("from the second")
os.chdir("/")
seen(fill(M, d, "o"), "from the second")
# A directory whose name makes those below it short, and long again.
top = PART[:-1]
os.rename(f"{M}/{top}", f"{M}/d")
below = d[len(os.fsencode(PART)) - 1:]
assert open(f"{M}/d/{below}{name}").read() == "from the second"
seen(f"{M2}/d/{below}{name}", "from the second")
os.rename(f"{M2}/d", f"{M2}/{top}")
seen(fill(M, d, "o"), "from the second")
P
python3 -c "import sys; sys.argv[1:] = ['$M', '$M2']; exec(open('first.py').read())"
python3 -c "import sys; sys.argv[1:] = ['$M', '$M2']; exec(open('second.py').read())"
unmount_and_wait "$M2" "$M2_PID"
unmount_and_wait "$M" "$M_PID"
mount_at "$M"
# The command knows the name, other clients the alias, in which they find the text.
name=$(cd "$M" && find . -type f -name 'o*' | cut -c3-)
[ ${#name} -gt 2700 ] || fail "a name of ${#name} bytes"
hash=$(printf %s "$name" | sha256sum | cut -d' ' -f1)
"$NATSOBJ" --server "$URL" ls b >listing
grep -qF "$name" listing || fail "the name is not listed"
if grep -q '\.natsobj/long' listing; then fail "the alias is listed"; fi
assert_eq "$("$NATSOBJ" --server "$URL" cat b "$name")" "from the second"
assert_eq "$("$NATSOBJ" --server "$URL" cat b ".natsobj/long/$hash")" "from the second"
echo put >text
"$NATSOBJ" --server "$URL" put b text --name "$name.put"
wait_until 10 [ -n "$(cd "$M" && find . -name 'o*.put')" ]
"$NATSOBJ" --server "$URL" del b "$name.put" -f
if "$NATSOBJ" --server "$URL" cat b "$name.put"; then fail "still there"; fi
[ ! -e "$M/.natsobj/long" ] || fail "the reserved names are shown"
python3 - "$M" <<'P'
import os, sys
os.chdir(sys.argv[1])
n = 0
for at, dirs, files in os.walk(".", topdown=False):
    for f in files: os.unlink(os.path.join(at, f)); n += 1
    for d in dirs: os.rmdir(os.path.join(at, d))
assert n == 1 and os.listdir(".") == [], (n, os.listdir("."))
P
assert_eq "$("$NATSOBJ" --server "$URL" ls b)" ""
# What another client stored where only its short requests reach is removed like anything else.
M_PID=$MOUNT_PID
mount_at "$M2"
python3 - "$URL" "$M" "$M2" <<'P'
import os, sys, time, raw
r = raw.Raw(sys.argv[1])
names = ["m" * 3000, "/".join(["d" * 199] * 15)]
for name in names:
    r.put(name, [b"foreign"])
def wait(n):
    for m in sys.argv[2:]:
        end = time.time() + 20
        while len(os.listdir(m)) != n:
            assert time.time() < end, (m, n, os.listdir(m))
            time.sleep(0.05)
wait(2)
os.chdir(sys.argv[2])
for at, dirs, files in os.walk(".", topdown=False):
    for f in files:
        assert open(os.path.join(at, f)).read() == "foreign"
        os.unlink(os.path.join(at, f))
    for d in dirs: os.rmdir(os.path.join(at, d))
wait(0)
assert not any(map(r.count, names)), "the bucket has them still"
P
unmount_and_wait "$M2" "$MOUNT_PID"
MOUNT_PID=$M_PID
end
