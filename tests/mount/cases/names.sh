# SPDX-License-Identifier: Apache-2.0
# Long, deep and unusual names; those that cannot be are refused with the right error.
begin
python3 - "$M" <<'P'
import errno, os, sys
m = sys.argv[1]
def refused(name, path, f=lambda p: open(p, "wb").close()):
    try: f(path)
    except OSError as e: assert e.errno == getattr(errno, name), (e.errno, name)
    else: sys.exit(f"made {path!r}")
names = ["ü" * 127, "x" * 255, "line\nbreak", " lead", "trail ", "-dash", "*", ">", "a.b.c", "\x01\x7f", "'\"\\", "%", "%41",
         "日本語", "e\u0301", "\u00e9", "Case", "case", "~", "a" * 86 + "?>~"]
for name in names:
    with open(f"{m}/{name}", "w") as f: f.write(name)
    os.mkdir(f"{m}/d-{len(os.listdir(m))}")
listed = set(os.listdir(m))
for name in names:
    assert name in listed, name
    assert open(f"{m}/{name}").read() == name, name
refused("ENAMETOOLONG", m + "/" + "x" * 256)
refused("EILSEQ", os.fsencode(m) + b"/\xff\xfe")
refused("EILSEQ", os.fsencode(m) + b"/\xed\xa0\x80")
# As deep as subjects of the server allow; beyond it an error, not a broken connection.
deep = m
try:
    for i in range(60):
        deep += "/" + "n" * 100
        os.mkdir(deep)
except OSError as e:
    assert e.errno == errno.ENAMETOOLONG and i > 15, (e, i)
with open(m + "/after", "w") as f: f.write("after")
assert open(m + "/after").read() == "after"
os.rename(f"{m}/line\nbreak", m + "/日本語2")
assert open(m + "/日本語2").read() == "line\nbreak"
P
find "$M" | LC_ALL=C sort >before
end
mount_at "$M"
find "$M" | LC_ALL=C sort >after
same before after
end
