# SPDX-License-Identifier: Apache-2.0
# Nonsense that other clients put under our keys: defaults instead, and the rest of the bucket works.
begin uid=7,gid=8,umask=027
echo good >"$M/good"
python3 - "$URL" <<'P'
import sys
from raw import Raw
r = Raw(sys.argv[1])
bad = [("mode", {"posix.mode": "banana"}), ("mode2", {"posix.mode": "40777"}), ("mode3", {"posix.mode": "-644"}),
       ("uid", {"posix.uid": "-1", "posix.gid": "4294967295"}), ("digits", {"posix.uid": "9" * 300, "posix.mtime": "9" * 300}),
       ("year0", {"posix.mtime": "-62167219200000000000"}), ("year30000", {"posix.mtime": "884541340800000000000"}),
       ("rdev", {"posix.mode": "20666", "posix.rdev": "0x99"}), ("link", {"posix.mode": "120777", "posix.target": "x" * 5000}),
       ("acl", {"posix.xattr.system.posix_acl_access": "rubbish", "posix.xattr.user.forged": "1"}),
       ("key", {"k" * 400: "long", "": "empty", "nats.x": "y"})]
for name, metadata in bad:
    r.put(name, [b"" if name == "rdev" else b"content"], metadata=metadata)
r.put("time", [b"content"], mtime="0000-01-01T00:00:00Z")
r.put("dir/", [b""], metadata={"posix.mode": "100644", "posix.mtime": "x"})
r.meta("kinds", {"name": "kinds", "bucket": "b", "nuid": "N", "size": 0, "chunks": 0, "metadata": {"posix.mode": 420}})
r.meta("nometa", {"name": "nometa", "bucket": "b", "nuid": "N", "size": 0, "chunks": 0, "metadata": ["posix.mode"]})
P
check() {
  local name
  for name in mode mode2 mode3 uid digits year0 year30000 link acl key time; do
    assert_eq "$name $(stat -c '%F %a %u:%g %s' "$M/$name")" "$name regular file 640 7:8 7"
    assert_eq "$(cat "$M/$name")" content
    [ "$(stat -c %Y "$M/$name")" -gt 1600000000 ] || fail "time of $name"
  done
  assert_eq "$(stat -c '%F %t:%T' "$M/rdev")" "character special file 0:0"
  assert_eq "$(stat -c '%F %a' "$M/dir")" "directory 750"
  assert_eq "$(getfattr --absolute-names -m - "$M/acl" "$M/key" 2>&1)" ""
  assert_eq "$(cat "$M/good")" good
}
wait_until 10 test -e "$M/nometa"
check
ls -l "$M" >/dev/null
end
mount_at "$M" uid=7,gid=8,umask=027
check
# They can be changed like any other.
[ "$(id -u)" != 0 ] || { chmod 600 "$M/mode"; chown 1:2 "$M/uid"; touch -d '2001-01-01 UTC' "$M/year0"; }
[ "$(id -u)" != 0 ] || assert_eq "$(stat -c %a "$M/mode") $(stat -c %u:%g "$M/uid") $(stat -c %Y "$M/year0")" "600 1:2 978307200"
end
