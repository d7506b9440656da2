# SPDX-License-Identifier: Apache-2.0
# What a key-value bucket cannot hold, what its limits are, and who wins.
start_server
python3 "$TOOLS/kv.py" "$URL" k make max_msg_size=3000
M=$WORK/m
mount_kv "$M"
python3 - "$URL" "$M" <<'P'
import errno, os, stat, sys, time
from kv import Kv
url, m = sys.argv[1:]
kv = Kv(url)

def must_fail(number, call, *args, **keywords):
    try:
        call(*args, **keywords)
    except OSError as e:
        assert e.errno == number, (call, args, e)
        return
    raise SystemExit(f"succeeded: {call} {args}")

def write(path, data, flags=os.O_WRONLY | os.O_CREAT | os.O_TRUNC):
    fd = os.open(path, flags, 0o600)
    try:
        os.write(fd, data)
    finally:
        os.close(fd)

def until(check):
    end = time.monotonic() + 10
    while not check():
        assert time.monotonic() < end, check
        time.sleep(0.01)

# Attributes: those of the mount. A change that is none succeeds.
a = f"{m}/a"
write(a, b"a")
st = os.stat(a)
assert stat.S_IMODE(st.st_mode) == 0o644, oct(st.st_mode)
os.chmod(a, 0o644)
os.chown(a, st.st_uid, st.st_gid)
must_fail(errno.EPERM, os.chmod, a, 0o600)
must_fail(errno.EPERM, os.chown, a, st.st_uid + 1, -1)
must_fail(errno.EPERM, os.symlink, "a", f"{m}/l")
must_fail(errno.EPERM, os.link, a, f"{m}/l")
must_fail(errno.EPERM, os.mkfifo, f"{m}/l")
must_fail(errno.ENOTSUP, os.setxattr, a, "user.x", b"1")
must_fail(errno.ENODATA, os.getxattr, a, "user.x")
assert os.listxattr(a) == []
assert os.getxattr(a, "user.nats.revision") == str(kv.revision("a")).encode()
assert os.getxattr(a, "user.nats.bucket") == b"k"
os.mknod(f"{m}/node")
assert kv.get("node") == b""

# Times that are set last until the value changes, also when they are set before the close.
os.utime(a, ns=(5, 7))
assert os.stat(a).st_mtime_ns == 7
os.rename(a, f"{m}/b")
os.rename(f"{m}/b", a)
assert os.stat(a).st_mtime_ns == 7
fd = os.open(f"{m}/c", os.O_WRONLY | os.O_CREAT)
os.write(fd, b"c")
os.utime(fd, ns=(9, 9))
os.close(fd)
assert os.stat(f"{m}/c").st_mtime_ns == 9
kv.put("c", b"d")
until(lambda: os.stat(f"{m}/c").st_mtime_ns > 10**18)

# O_EXCL is create: of all clients one wins, and it is there from then on.
fd = os.open(f"{m}/lock", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
assert kv.update("lock", b"mine", 0) is None
os.close(fd)
must_fail(errno.EEXIST, os.open, f"{m}/lock", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
os.unlink(f"{m}/lock")
assert kv.update("lock", b"mine", kv.revision("lock"))
must_fail(errno.EEXIST, os.open, f"{m}/lock", os.O_WRONLY | os.O_CREAT | os.O_EXCL)

# The change of a part of a value that others replaced becomes a key of its own.
kv.put("config", b"abcdef")
until(lambda: os.path.exists(f"{m}/config"))
fd = os.open(f"{m}/config", os.O_RDWR)
os.pwrite(fd, b"X", 2)
kv.put("config", b"theirs")
must_fail(errno.ESTALE, os.close, fd)
assert kv.get("config") == b"theirs"
copies = [k for k in kv.keys() if k.startswith("config.conflict-")]
assert [kv.get(k) for k in copies] == [b"abXdef"], copies

# The limit shows at the call that passes it.
fd = os.open(f"{m}/big", os.O_WRONLY | os.O_CREAT)
os.write(fd, bytes(2500))
must_fail(errno.EFBIG, os.write, fd, bytes(500))
os.close(fd)
assert len(kv.get("big")) == 2500
must_fail(errno.EFBIG, os.truncate, f"{m}/big", 3000)
kv.put("large", bytes(3000))
until(lambda: os.path.exists(f"{m}/large"))
assert len(open(f"{m}/large", "rb").read()) == 3000

# Names: others' odd keys have names, and no name is lost.
for key in ("a/b", "a.b", "x=41", "x/", "/y", "p//q", "ä"):
    kv.put(key, key.encode())
until(lambda: os.path.exists(f"{m}/ä"))
def names(dir):
    return {n: open(f"{dir}/{n}").read() for n in os.listdir(dir) if os.path.isfile(f"{dir}/{n}")}
assert names(m)["x=41"] == "x=41" and names(m)["a.b"] == "a.b" and names(m)["ä"] == "ä"
assert open(f"{m}/a/b").read() == "a/b"
assert names(m)["%=fa"] == "a", names(m)
assert list(names(f"{m}/x").values()) == ["x/"]
write(f"{m}/ä", b"again")
assert kv.get("ä") == b"again" and kv.get("=C3=A4") is None
os.unlink(f"{m}/ä")
assert kv.get("ä") is None
write(f"{m}/ä", b"anew")
deep = m + "/" + "/".join(["ü" * 120] * 4)
os.makedirs(deep)
must_fail(errno.ENAMETOOLONG, write, f"{deep}/{'ü' * 120}", b"")
P
end

# A limit of the bucket, and a bucket that is sealed.
python3 - "$URL" <<'P'
import sys
from kv import Kv
Kv(sys.argv[1]).raw.api("STREAM.DELETE.KV_k")
Kv(sys.argv[1]).make(max_bytes=200000)
P
mount_kv "$M"
head -c 120000 /dev/zero >"$M/half"
must_fail "No space left" cp "$M/half" "$M/other"
rm -f "$M/other"
assert_eq "$(stat -c %s "$M/half")" 120000
rm "$M/half"
head -c 120000 /dev/zero >"$M/half"
python3 - "$URL" <<'P'
import sys
from kv import Kv
raw = Kv(sys.argv[1]).raw
config = raw.api("STREAM.INFO.KV_k")["config"]
raw.api("STREAM.UPDATE.KV_k", {**config, "sealed": True})
P
wait_until 40 sh -c "! touch '$M/new'"
must_fail "Read-only" touch "$M/newer"
end
must_fail 'key-value bucket "k" on' "$MOUNT" "$URL/kv:k" "$M" -f
must_fail "is sealed" "$MOUNT" "$URL/kv:k" "$M" -f
must_fail 'no key-value bucket "none"' "$MOUNT" "$URL/kv:none" "$M" -f
must_fail "cannot be the name" "$MOUNT" "$URL/kv:a.b" "$M" -f
must_fail "names no bucket" "$MOUNT" "$URL/kv:" "$M" -f
must_fail "access control" "$MOUNT" "$URL/kv:k" "$M" -f -o acl
must_fail "kv_separator" "$MOUNT" "$URL/k" "$M" -f -o kv_separator=.
