# SPDX-License-Identifier: Apache-2.0
# Over files, of directories, and while open.
begin
echo a >"$M/a"; echo b >"$M/b"
mv "$M/a" "$M/b"
assert_eq "$(cat "$M/b")" a
[ ! -e "$M/a" ] || fail "the old name is still there"
mkdir -p "$M/d/e"; echo x >"$M/d/e/x"; echo y >"$M/d/y"
mv "$M/d" "$M/z"
assert_eq "$(cat "$M/z/e/x" "$M/z/y")" "$(printf 'x\ny')"
must_fail "not empty" rmdir "$M/z"
mkdir "$M/empty"
python3 - "$M" <<'P'
import os, sys
m = sys.argv[1]
def refused(errno_name, f, *a):
    try: f(*a)
    except OSError as e:
        import errno
        assert e.errno == getattr(errno, errno_name), (e, errno_name)
    else: sys.exit(f"{f} {a} succeeded")
refused("ENOTEMPTY", os.rename, m + "/empty", m + "/z")
refused("ENOTDIR", os.rename, m + "/empty", m + "/b")
refused("EISDIR", os.rename, m + "/b", m + "/empty")
os.rename(m + "/z/e", m + "/empty")
assert os.listdir(m + "/empty") == ["x"]
# Unlink and rename while open.
f = open(m + "/open", "w+"); f.write("kept"); f.flush()
os.rename(m + "/open", m + "/open2")
f.write(" on"); f.close()
assert open(m + "/open2").read() == "kept on"
f = open(m + "/open2", "r+"); os.unlink(m + "/open2")
assert f.read() == "kept on"
f.seek(0); f.write("KEPT"); f.flush(); f.seek(0)
assert f.read() == "KEPT on"
assert os.fstat(f.fileno()).st_nlink == 0
f.close()
assert not os.path.exists(m + "/open2")
fd = os.open(m + "/excl", os.O_CREAT | os.O_EXCL | os.O_WRONLY); os.close(fd)
refused("EEXIST", os.open, m + "/excl", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
refused("EISDIR", os.open, m + "/empty", os.O_WRONLY)
refused("ENOENT", os.open, m + "/nothing", os.O_RDONLY)
refused("EINVAL", os.rename, m + "/empty", m + "/empty/below")
P
end
mount_at "$M"
assert_eq "$(cat "$M/empty/x")" x
end
