# SPDX-License-Identifier: Apache-2.0
# Names and metadata that no client should write: nothing escapes from the directory, nothing hides or
# stops the rest, and every name that is listed can be asked for and removed.
cat >hostile.py <<'P'
import base64, errno, itertools, json, os, stat, sys, time
from raw import Raw
raw, m = Raw(sys.argv[1]), sys.argv[2]
EMPTY = "SHA-256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU="
base = {"bucket": "b", "nuid": "x" * 22, "size": 0, "chunks": 0, "digest": EMPTY}

def meta(name, token=None, **other): raw.meta(name, dict(base, name=name, **other), token=token)
def wait_for(what, f):
    end = time.monotonic() + 20
    while not f():
        assert time.monotonic() < end, what
        time.sleep(0.02)

# Names that a directory cannot hold.
NAMES = ["..", ".", "/", "//", "/etc/passwd", "../../escape", "a/../../b", "a//b", "./c", "d/", "e/.", "e/..",
         "nul\0byte", "nul/\0", "line\nbreak", "tab\tand\x01", "f" * 300, "g/" + "h" * 255, "g/" + "\u00e9" * 200,
         "%=x", "%=fgood", "%=", "%", "-rf", " ", "\u202eabc", "i/" * 300 + "end"]

def fill():
    # Not metadata at all.
    for i, payload in enumerate([b"", b"{", b"null", b"[]", b"17", b'"x"', b"{}", b"\xff\xfe\x00", b"{\"name\":",
                                 b"[" * 100000, b"{\"a\":" * 50000, b"\x00" * 10, b" " * 5000, b"x" * 1000000]):
        raw.meta(f"junk{i}", payload)
    raw.publish("$O.b.M." + base64.urlsafe_b64encode(b"expired").decode(), b"", {"Nats-Marker-Reason": "MaxAge"})
    raw.meta("own", dict(base, name="other name than its subject"))
    # The place of one name with the metadata of another.
    raw.put("ok", [b"fine"])
    raw.meta("mislaid", dict(base, name="ok"))
    raw.put("twice", [b"canonical"])
    raw.put("twice", [b"unpadded"], token=base64.urlsafe_b64encode(b"twice").decode().rstrip("="))
    raw.meta("own2", dict(base, name="also"), token="%%%")
    raw.meta("own3", dict(base, name="also"), token="A")

    # Values of the wrong type or size.
    for i, wrong in enumerate([{"size": -1}, {"size": 1e300}, {"size": "5"}, {"size": 2**64}, {"chunks": -5},
                               {"chunks": 2**40}, {"nuid": ""}, {"nuid": "a.b.>"}, {"nuid": "x" * 5000},
                               {"nuid": None}, {"nuid": "a b\r\nPUB x 0"}, {"digest": 5}, {"mtime": "never"},
                               {"mtime": ""}, {"options": []}, {"options": {"max_chunk_size": -1}},
                               {"options": {"max_chunk_size": 0}}, {"headers": {"a": "b", "c": [5, None]}},
                               {"metadata": []}, {"metadata": {"posix.mode": "octopus"}},
                               {"metadata": {"posix.mode": "777777777777"}},
                               {"metadata": {"posix.mode": "0", "posix.uid": "-1", "posix.gid": "x"}},
                               {"metadata": {"posix.mtime": "99999999999999999999999"}},
                               {"metadata": {"posix.mtime": "-99999999999999999"}},
                               {"metadata": {"posix.rdev": "1" * 100, "posix.mode": "20666"}},
                               {"metadata": {"posix.mode": "120777", "posix.target": "x" * 100000}},
                               {"metadata": {"posix.mode": "120777", "posix.target": ""}},
                               {"metadata": {"posix.mode": "120777"}},
                               {"metadata": {"posix.mode": "40755"}},
                               {"metadata": {str(k): "v" for k in range(5000)}},
                               {"metadata": {"big": "v" * 900000}},
                               {"options": {"link": {}}}, {"options": {"link": {"bucket": 5, "name": []}}},
                               {"options": {"link": {"bucket": "b", "name": "/etc/passwd"}}},
                               {"options": {"link": {"bucket": "b", "name": "../../x"}}},
                               {"options": {"link": {"bucket": "../b", "name": "good"}}},
                               {"options": {"link": {"bucket": "nosuch", "name": "x"}}},
                               {"bucket": "other"}, {"deleted": "yes"}, {"deleted": 1}]):
        raw.meta(f"wrong{i}", dict(base, name=f"wrong{i}") | wrong)
    meta("loop", options={"link": {"bucket": "b", "name": "loop"}})
    meta("ring1", options={"link": {"bucket": "b", "name": "ring2"}})
    meta("ring2", options={"link": {"bucket": "b", "name": "ring1"}})
    for name in NAMES: meta(name)
    # An object with content whose name ends as a directory's.
    raw.put("slash/", [b"content"])

    # One name and the names below it, in every order.
    for order in itertools.permutations(["", "/below", "/below/more"]):
        top = "both" + "".join(str(len(o)) for o in order)
        for o in order: raw.put(top + o, [(top + o).encode()])
    # What hides it goes again.
    raw.put("freed", [b"freed"]); raw.put("freed/x", [b"x"])
    wait_for("freed/x", lambda: os.path.isdir(m + "/freed"))

    # Tokens of other clients, each for a name of its own; and two tokens for one name.
    raw.put("n\u00e9w1", [b"latin-1"], token=base64.urlsafe_b64encode("n\u00e9w1".encode("latin-1")).decode())
    raw.put("unpadded", [b"unpadded"], token=base64.urlsafe_b64encode(b"unpadded").decode().rstrip("="))
    raw.put("ab>ab?ab~", [b"standard"], token=base64.standard_b64encode(b"ab>ab?ab~").decode())
    raw.put("legacy.name", [b"legacy"], token="legacy_name")
    raw.put("doubled", [b"unpadded"], token=base64.urlsafe_b64encode(b"doubled").decode().rstrip("="))
    raw.put("doubled", [b"canonical"])
    raw.put("doubled2", [b"canonical"])
    raw.put("doubled2", [b"unpadded"], token=base64.urlsafe_b64encode(b"doubled2").decode().rstrip("="))
    meta("last")
    wait_for("the last name never appeared", lambda: "last" in os.listdir(m))

def is_file(fd, name):
    return stat.S_ISREG(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode)

# Visits every name: fn(directory's descriptor, name, depth) after what is below.
def visit(fd, fn, depth=0):
    listed = os.listdir(fd)
    assert len(set(listed)) == len(listed), f"names twice: {listed}"
    for name in listed:
        assert name not in (".", "..", "") and "/" not in name and len(os.fsencode(name)) <= 255, name
        try: st = os.stat(name, dir_fd=fd, follow_symlinks=False)
        except FileNotFoundError:
            # The directory that hid it has gone meanwhile, by what was done here or its event.
            assert name.startswith("%=f"), name
            continue
        if stat.S_ISDIR(st.st_mode):
            assert depth < 400, name
            sub = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
            visit(sub, fn, depth + 1)
            os.close(sub)
        fn(fd, name, st)

n_seen = 0
def ask(fd, name, st):
    global n_seen
    n_seen += 1
    if stat.S_ISLNK(st.st_mode):
        try: os.readlink(name, dir_fd=fd)
        except OSError as e: assert e.errno in (errno.EIO, errno.ENOENT, errno.EINVAL), (name, e)
    elif stat.S_ISREG(st.st_mode):
        try:
            f = os.open(name, os.O_RDONLY, dir_fd=fd)
            try: os.read(f, 100)
            finally: os.close(f)
        except OSError as e: assert e.errno == errno.EIO, (name, e)

def content(path):
    with open(f"{m}/{path}", "rb") as f: return f.read()

def check():
    root = os.open(m, os.O_RDONLY | os.O_DIRECTORY)
    visit(root, ask)
    os.close(root)
    assert n_seen > len(NAMES) + 400, n_seen
    assert content("good") == b"good\n"
    for order in itertools.permutations(["", "/below", "/below/more"]):
        top = "both" + "".join(str(len(o)) for o in order)
        assert sorted(os.listdir(f"{m}/{top}")) == ["%=fbelow", "below"], os.listdir(f"{m}/{top}")
        assert content(f"{top}/below/more") == f"{top}/below/more".encode()
        assert content(f"{top}/%=fbelow") == f"{top}/below".encode()
        assert content(f"%=f{top}") == top.encode()
    for i in range(40):
        assert os.path.lexists(f"{m}/wrong{i}"), f"wrong{i} is not shown"
    for i in range(1, 14):
        assert i == 6 or os.path.lexists(f"{m}/junk{i}"), f"junk{i} is not shown"
    for name in ("junk0", "expired"):
        assert not os.path.lexists(f"{m}/{name}"), f"{name} is shown"
    assert content("n\u00e9w1") == b"latin-1"
    assert content("unpadded") == b"unpadded"
    assert content("ab>ab?ab~") == b"standard"
    assert content("legacy.name") == b"legacy"
    assert content("doubled") == b"canonical"
    assert content("ok") == b"fine"
    assert os.stat(m + "/mislaid").st_size == 0
    assert os.path.exists(m + "/own") and not os.path.exists(m + "/other name than its subject")
    assert content("doubled2") == b"canonical", content("doubled2")

def change():
    # What stands at a wrong place or at two makes no name impossible.
    for name in ("ok", "mislaid", "twice"):
        for text in (b"first", b"second"):
            os.remove(f"{m}/{name}")
            with open(f"{m}/{name}", "wb") as f: f.write(text)
            assert content(name) == text, name
    # What hid it has gone, so it has its own name again.
    os.remove(m + "/freed/x"); os.rmdir(m + "/freed")
    assert content("freed") == b"freed"
    for name in ("n\u00e9w1", "unpadded", "ab>ab?ab~", "legacy.name"):
        with open(f"{m}/{name}", "a") as f: f.write("+")
        assert content(name).endswith(b"+"), name
        os.rename(f"{m}/{name}", f"{m}/{name}.moved")
        assert content(name + ".moved").endswith(b"+"), name
        assert not os.path.exists(f"{m}/{name}"), name

def remove(fd, name, st):
    # What a directory hid may have appeared in it meanwhile, or its last entry held it up.
    try: os.rmdir(name, dir_fd=fd) if stat.S_ISDIR(st.st_mode) else os.remove(name, dir_fd=fd)
    except OSError as e: assert e.errno in (errno.ENOENT, errno.ENOTEMPTY), (name, e)

def clear():
    # What a directory hid shows under another name when the directory has gone.
    for turn in range(6):
        root = os.open(m, os.O_RDONLY | os.O_DIRECTORY)
        visit(root, remove)
        os.close(root)
    assert os.listdir(m) == [], os.listdir(m)

for step in sys.argv[3:]: globals()[step]()
P
begin
echo good >"$M/good"
python3 hostile.py "$URL" "$M" fill check
# A mount that reads all this before it is announced.
end
mount_at "$M"
python3 hostile.py "$URL" "$M" check
ls -lR "$M" >/dev/null 2>&1 || [ $? = 1 ] || fail "ls -lR"
"$NATSOBJ" ls b --server "$URL" >listing
grep -qx good listing || fail "natsobj ls does not show the good one"
echo more >"$M/more"
mv "$M/more" "$M/moved"
assert_eq "$(cat "$M/moved")" more
python3 hostile.py "$URL" "$M" change clear
end
mount_at "$M"
ls -A "$M" >left
! grep -vE 'doubled|^also$' left || fail "removed names are back after a new mount"
python3 hostile.py "$URL" "$M" clear
end
mount_at "$M"
assert_eq "$(ls -A "$M")" ""
end
