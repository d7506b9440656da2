# SPDX-License-Identifier: Apache-2.0
# Names and metadata that no client should write: nothing escapes from the directory, nothing hides or
# stops the rest, and every name that is listed can be asked for.
begin
echo good >"$M/good"
python3 - "$URL" "$M" <<'P'
import json, os, sys, time
from raw import Raw
raw, m = Raw(sys.argv[1]), sys.argv[2]
base = {"bucket": "b", "nuid": "x" * 22, "size": 0, "chunks": 0,
        "digest": "SHA-256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU="}

def meta(name, **other): raw.meta(name, dict(base, name=name, **other))

# Not metadata at all.
for i, payload in enumerate([b"", b"{", b"null", b"[]", b"17", b'"x"', b"{}", b"\xff\xfe\x00", b"{\"name\":",
                             b"[" * 100000, b"{\"a\":" * 50000, b"\x00" * 10, b" " * 5000]):
    raw.meta(f"junk{i}", payload)
raw.meta("own", dict(base, name="other name than its subject"))
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

# Names that a directory cannot hold.
names = ["..", ".", "/", "//", "/etc/passwd", "../../escape", "a/../../b", "a//b", "./c", "d/", "e/.", "e/..",
         "nul\0byte", "line\nbreak", "tab\tand\x01", "f" * 300, "g/" + "h" * 255, "g/" + "é" * 200, "%=x", "%=fgood",
         "%=", "%", "both", "both/below", "both/below/more", ".natsobj", ".natsobj/x", "-rf", " ", "\u202eabc",
         "i/" * 300 + "end"]
for name in names:
    meta(name)
meta("last")
end = time.monotonic() + 15
while "last" not in os.listdir(m):
    assert time.monotonic() < end, "the last name never appeared"
    time.sleep(0.01)

seen = 0
def look(path, depth):
    global seen
    listed = os.listdir(path)
    assert len(set(listed)) == len(listed), f"names twice in {path}"
    for name in listed:
        assert name not in (".", "..", "") and "/" not in name and len(os.fsencode(name)) <= 255, name
        full = f"{path}/{name}"
        if len(full) > 3000: continue
        st = os.lstat(full)
        seen += 1
        if os.path.islink(full):
            try: os.readlink(full)
            except OSError: pass
        elif os.path.isdir(full):
            assert depth < 400, full
            look(full, depth + 1)
        elif os.path.isfile(full):
            try: open(full, "rb").read(100)
            except OSError: pass
os.mkdir(m+"/new"); print("mkdir", len(os.listdir(m)))
look(m, 0)
assert seen > len(names), seen
assert open(m + "/good").read() == "good\n"
assert sorted(os.listdir(m + "/both")) == ["%=fbelow", "below"], os.listdir(m + "/both")
assert os.listdir(m + "/both/below") == ["more"]
assert os.path.isfile(m + "/%=fboth"), os.listdir(m)
for i in range(39):
    assert os.path.lexists(f"{m}/wrong{i}"), f"wrong{i} is not shown"
P
assert_eq "$(cat "$M/good")" good
echo more >"$M/more"
assert_eq "$(cat "$M/more")" more
mv "$M/more" "$M/moved"
end
# A mount that reads all this before it is announced.
mount_at "$M"
assert_eq "$(cat "$M/good" "$M/moved")" "$(printf 'good\nmore')"
ls -lR "$M" >/dev/null 2>&1 || [ $? = 1 ] || fail "ls -lR"
"$NATSOBJ" ls b --server "$URL" >listing
grep -qx good listing || fail "natsobj ls does not show the good one"
end
