# SPDX-License-Identifier: Apache-2.0
# What a client that knows only the protocol sees of every kind of file, and that it can read, replace
# and delete each without harm to the others.
chmod 755 "$WORK"
opts=purge_delay=0s
[ "$(id -u)" != 0 ] || opts=$opts,allow_other,dev
begin "$opts,acl"
python3 - "$M" "$URL" <<'P'
import base64, hashlib, os, socket, stat, subprocess, sys, time
import raw
m, url = sys.argv[1:]
c = raw.Raw(url)
os.chdir(m)

def until(f, *args):
    end = time.monotonic() + 20
    while not f(*args):
        assert time.monotonic() < end, (f, args)
        time.sleep(0.02)

# --- the client: nothing but NATS ADR-20 ---

def get_meta(name):
    info, seq = c.get_meta(name)
    return None if info is None or info.get("deleted") else info

def chunks(nuid):
    """The chunk messages of an identifier, in order."""
    pieces, seq = [], 1
    while True:
        body = raw.json.dumps({"next_by_subj": f"$O.b.C.{nuid}", "seq": seq})
        answer = raw.json.loads(c.request("$JS.API.STREAM.MSG.GET.OBJ_b", body))
        if "error" in answer: return pieces
        pieces.append(base64.b64decode(answer["message"].get("data", "")))
        seq = answer["message"]["seq"] + 1

def read(name, follows=1):
    """As any client gets an object: through a link, sizes and digest checked."""
    info = get_meta(name)
    assert info, f"no object {name[:80]}"
    assert info["name"] == name and info["bucket"] == "b", info
    link = info.get("options", {}).get("link")
    if link:
        assert follows and link["bucket"] == "b" and not info.get("size"), info
        return read(link["name"], follows - 1)
    pieces = chunks(info["nuid"]) if info.get("size") else []
    data = b"".join(pieces)
    assert len(data) == info.get("size", 0) and len(pieces) == info.get("chunks", 0), (info, len(data))
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode()
    assert info["digest"] == f"SHA-256={digest}", (info, digest)
    return data

def delete(name):
    """The metadata stay, marked as deleted, as nats.go does it."""
    info = get_meta(name)
    c.meta(name, dict(info, deleted=True, size=0, chunks=0, digest="", mtime="0001-01-01T00:00:00Z"))
    c.purge_chunks(info["nuid"])

def replace(name, data):
    old = get_meta(name)
    c.put(name, [data])
    c.purge_chunks(old["nuid"])

# --- the files ---

big = os.urandom(300000)
def put(path, data, mode=0o644):
    with open(path, "wb") as f: f.write(data)
    os.chmod(path, mode)
def make_socket(path):
    s = socket.socket(socket.AF_UNIX); s.bind(path); s.close()
def link_now(a, b):
    put(a, b"linked"); os.link(a, b)
def link_and_back(path):
    put(path + ".tmp", b"went back"); os.link(path + ".tmp", path); os.unlink(path + ".tmp")
    until(lambda: "link" not in get_meta(path).get("options", {}))

kinds = {  # name: (how it is made, what a client reads)
    "regular": (lambda p: put(p, b"regular"), b"regular"),
    "large": (lambda p: put(p, big), big),
    "empty": (lambda p: put(p, b""), b""),
    "executable": (lambda p: put(p, b"#!/bin/sh\necho ran\n", 0o755), b"#!/bin/sh\necho ran\n"),
    "d/in": (lambda p: put(p, b"in a directory"), b"in a directory"),
    "relative": (lambda p: os.symlink("d/in", p), b"in a directory"),
    "absolute": (lambda p: os.symlink("/etc/hostname", p), b"/etc/hostname"),
    "dangling": (lambda p: os.symlink("no/where", p), b"no/where"),
    "to a directory": (lambda p: os.symlink("d", p), b"d"),
    "one name": (lambda p: link_now(p, "another name"), b"linked"),
    "back": (link_and_back, b"went back"),
    "fifo": (os.mkfifo, b""),
    "socket": (make_socket, b""),
    "attributes": (lambda p: (put(p, b"attributes"), os.setxattr(p, "user.text", b"some"),
                              os.setxattr(p, "user.bytes", b"\xff\0")), b"attributes"),
    "acl": (lambda p: (put(p, b"acl"), subprocess.run(["setfacl", "-m", "u:1:r", p], check=True)), b"acl"),
    "\u00fc \u4e16 *>.": (lambda p: put(p, b"odd name"), b"odd name"),
    "d/": (lambda p: None, b""),
}
if os.geteuid() == 0: kinds["device"] = (lambda p: os.mknod(p, stat.S_IFCHR | 0o600, os.makedev(1, 3)), b"")
if subprocess.run(["which", "setfacl"], stdout=subprocess.DEVNULL).returncode: del kinds["acl"]

os.mkdir("d")
for name, (make, content) in kinds.items(): make(name)
for name, (make, content) in kinds.items(): assert read(name) == content, name
assert read("another name") == b"linked"
assert int(get_meta("executable")["metadata"]["posix.mode"], 8) == stat.S_IFREG | 0o755
assert get_meta("attributes")["metadata"]["text"] == "some"
# Both names of one file lead to one object; neither shares its chunks.
a, b = get_meta("one name"), get_meta("another name")
assert a["options"]["link"] == b["options"]["link"] and a["nuid"] != b["nuid"]

# A component that POSIX cannot hold: its escape is reversed for others.
c.put("x//y", [b"double"])
until(os.path.isdir, "x")
def escaped(): return [os.path.join(w, f) for w, _, files in os.walk("x") for f in files]
until(escaped)
assert open(escaped()[0], "rb").read() == b"double"
put(escaped()[0], b"rewritten here")
assert read("x//y") == b"rewritten here"
# One above the limit of subjects is an object under its hash, with the name beside it.
long = "/".join(["n" * 250] * 12)
os.makedirs(os.path.dirname(long))
put(long, b"long name")
hashed = ".natsobj/long/" + hashlib.sha256(long.encode()).hexdigest()
assert read(hashed) == b"long name" and get_meta(hashed)["metadata"]["posix.name"] == long

# --- others replace ---

def is_now(path, data):
    try: return stat.S_ISREG(os.lstat(path).st_mode) and open(path, "rb").read() == data
    except OSError: return False

held = {name: open(name, "rb") for name in ("regular", "another name", "executable")}
for name in kinds:
    if name in ("d/", "d/in"): continue
    new = b"new " + name.encode()
    replace(name, new)
    until(is_now, name, new)
    assert read(name) == new
assert held["regular"].read() == b"regular" and held["another name"].read() == b"linked"
# The other name has what both had; what links lead to is untouched.
assert open("another name", "rb").read() == b"linked" == read("another name")
assert open("d/in", "rb").read() == b"in a directory"
# An object with content under a marker's name is a file in the directory, which stays.
replace("d/", b"no marker")
until(lambda: len(os.listdir("d")) == 2)
other = (set(os.listdir("d")) - {"in"}).pop()
assert open("d/" + other, "rb").read() == b"no marker"
# What they stored is as good as any file here.
for name in ("regular", "fifo", "absolute"):
    with open(name, "ab") as f: f.write(b" and more")
    assert read(name) == b"new " + name.encode() + b" and more"

# --- others delete ---

for path in ("another name", "regular", "large", "relative", "d/"):
    delete(path)
for path in ("another name", "regular", "large", "relative", "d/" + other):
    until(lambda: not os.path.lexists(path))
assert open("d/in", "rb").read() == b"in a directory"
os.link("d/in", "d/second")
os.link("d/in", "third")
delete("d/in")
until(lambda: not os.path.lexists("d/in"))
assert open("d/second", "rb").read() == open("third", "rb").read() == b"in a directory" == read("third")
delete("d/second")
# The last entry went, and the marker before: the directory is gone, as for any client.
until(lambda: not os.path.lexists("d"))
assert open("third", "rb").read() == b"in a directory"
delete(hashed)
until(lambda: not os.path.lexists(long))
# And the names can be used again.
for path in ("regular", "relative", "another name"): put(path, b"again")
os.mkdir("d")
for path in ("regular", "relative", "another name"): assert read(path) == b"again"
P
assert_eq "$(grep -ciE 'error|malformed' log.m || true)" 0
end
mount_at "$M" "$opts,acl"
assert_eq "$(cat "$M/regular" "$M/third" "$M/one name")" "againin a directorynew one name"
end
