# SPDX-License-Identifier: Apache-2.0
# Extended attributes: where they are kept, who may touch them, what errors there are.
command -v setfattr >/dev/null || skip "setfattr (package attr) is not installed"
chmod 755 "$WORK"
begin allow_other
get() { getfattr -h --absolute-names --only-values -n "$1" "$2"; }
echo content >"$M/f"
setfattr -n user.color -v blue "$M/f"
setfattr -n user.bytes -v 0xff00fe "$M/f"
setfattr -n user.posix.mode -v 0106777 "$M/f"
setfattr -n user.nats.description -v "what it is" "$M/f"
setfattr -n user.nats.header.Kind -v text "$M/f"
mkdir "$M/d"; setfattr -n user.d -v 1 "$M/d"
mkdir -p "$M/implied/inner"
"$NATSOBJ" put b "$M/f" --name far/away/g --server "$URL" >/dev/null
wait_until 10 test -e "$M/far/away/g"
setfattr -n user.d -v 2 "$M/far"
if [ "$(id -u)" = 0 ]; then
  setfattr -n trusted.t -v secret "$M/f"
  ln -s target "$M/l"; setfattr -h -n trusted.l -v link "$M/l"
  must_fail "not permitted" setfattr -h -n user.l -v x "$M/l"
fi
python3 - "$URL" "$M" <<'P'
import errno, os, sys, json, base64
from raw import Raw
url, m = sys.argv[1:]
r = Raw(url)
def stored(name):
    token = base64.urlsafe_b64encode(name.encode()).decode()
    answer = r.api("STREAM.MSG.GET.OBJ_b", {"last_by_subj": f"$O.b.M.{token}"})
    return json.loads(base64.b64decode(answer["message"]["data"]))
info = stored("f")
assert info["metadata"]["color"] == "blue", info
assert info["metadata"]["bytes"] == "data:;base64,/wD+", info
assert info["metadata"]["posix.mode"] == "100644", info
assert info["description"] == "what it is" and info["headers"] == {"Kind": ["text"]}, info
def fails(code, call, *args):
    try: call(*args)
    except OSError as e: assert e.errno == code, (errno.errorcode[e.errno], args)
    else: sys.exit(f"no error: {args}")
f = m + "/f"
assert os.getxattr(f, "user.bytes") == b"\xff\x00\xfe"
assert os.stat(f).st_mode == 0o100644
fails(errno.ENODATA, os.getxattr, f, "user.none")
fails(errno.ENODATA, os.removexattr, f, "user.none")
fails(errno.EEXIST, os.setxattr, f, "user.color", b"x", os.XATTR_CREATE)
fails(errno.ENODATA, os.setxattr, f, "user.none", b"x", os.XATTR_REPLACE)
fails(errno.E2BIG, os.setxattr, f, "user.big", b"x" * 65537)
fails(errno.EOPNOTSUPP, os.setxattr, f, "system.posix_acl_access", b"\2\0\0\0")
fails(errno.EOPNOTSUPP, os.setxattr, f, "other.name", b"x")
for i in range(3): os.setxattr(f, f"user.big{i}", b"y" * 65536)
fails(errno.ENOSPC, os.setxattr, f, "user.big3", b"y" * 65536)
fails(errno.ERANGE, os.setxattr, f, "user." + "n" * 300, b"x")
assert os.getxattr(f, "user.big2") == b"y" * 65536
for i in range(3): os.removexattr(f, f"user.big{i}")
# What the bucket knows of the object.
info = stored("f")
for name, want in (("digest", info["digest"]), ("nuid", info["nuid"]), ("chunks", "1"), ("bucket", "b"),
                   ("chunk_size", "131072"), ("name", "f")):
    assert os.getxattr(f, "user.nats." + name).decode() == want, name
    fails(errno.EPERM, os.setxattr, f, "user.nats." + name, b"x")
assert int(os.getxattr(f, "user.nats.revision")) > 0
assert not [n for n in os.listxattr(f) if n in ("user.nats.digest", "user.nats.name")]
# Content that is not stored yet takes its attributes along; a name that is gone keeps them.
with open(m + "/new", "w") as new:
    new.write("text")
    os.setxattr(new.fileno(), "user.early", b"1")
    assert os.getxattr(m + "/new", "user.early") == b"1"
    fails(errno.ENODATA, os.getxattr, new.fileno(), "user.nats.digest")
assert stored("new")["metadata"]["early"] == "1"
fd = os.open(m + "/new", os.O_RDWR)
os.unlink(m + "/new")
assert os.getxattr(fd, "user.early") == b"1"
os.setxattr(fd, "user.late", b"2")
assert sorted(os.listxattr(fd)) == ["user.early", "user.late"]
os.close(fd)
# A client that drops the metadata.
r.put("f", [b"replaced"])
P
gone() { [ "$(cat "$M/f")" = replaced ] && [ -z "$(getfattr --absolute-names "$M/f")" ]; }
wait_until 10 gone
must_fail "No such attribute" get user.color "$M/f"
if [ "$(id -u)" = 0 ]; then
  setfattr -n trusted.t -v secret "$M/f"
  setfattr -n user.u -v open "$M/f"
  nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
  assert_eq "$(nobody getfattr --absolute-names -m - "$M/f" | grep -c '^trusted')" 0 || true
  must_fail "No such attribute" nobody getfattr -n trusted.t "$M/f"
  must_fail "ermission" nobody setfattr -n user.u -v mine "$M/f"
  assert_eq "$(get trusted.l "$M/l")" link
fi
end
mount_at "$M" allow_other
assert_eq "$(get user.d "$M/d")$(get user.d "$M/far")" 12
[ "$(id -u)" != 0 ] || assert_eq "$(get trusted.t "$M/f")$(get trusted.l "$M/l")" secretlink
# Not by way of $WORK: before Linux 6.6 a tmpfs, which that may be, has no user.* attributes.
cp -a "$M/far" "$M/copy"; cp -a "$M/copy" "$M/back"
rsync -aX "$M/far/" "$M/again/"
assert_eq "$(get user.d "$M/back")$(get user.d "$M/again")" 22
end
