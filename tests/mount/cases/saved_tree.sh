# SPDX-License-Identifier: Apache-2.0
# The second mount of a large bucket takes the tree that the first one left, and what happened in
# between: changes, removals, and names that were purged without a message. In any doubt it lists.
begin
end
listings() { sed -n 's/^natsobj_listings_total[^ ]* //p' "$M/.natsobj/metrics"; }
dump() { (cd "$M" && find . -printf '%p %y %m %U %G %s %T@ %C@ %i %l\n' | sort); }
# Nothing in the bucket tells when a directory lost an entry.
files() { dump | grep -v '^[^ ]* d '; }
change() { python3 - "$TOOLS" "$URL" "$@"; }
remount() { mount_at "$M"; }

change <<'PY'
import sys
sys.path.insert(0, sys.argv[1])
from raw import Raw
raw = Raw(sys.argv[2])
for i in range(1500):
    raw.meta(f"d{i % 3}/object {i}", {"name": f"d{i % 3}/object {i}", "nuid": f"n{i}", "size": 7, "chunks": 1})
PY
remount
assert_eq "$(listings)" 1
ln -s "object 3" "$M/d0/link"
mkdir -p "$M/made/empty"
echo data >"$M/made/file"
setfattr -n user.colour -v blue "$M/made/file" 2>/dev/null || true
dump >before
end
[ "$(stat -c %a "$WORK"/cache/tree/*)" = 600 ] || fail "the saved tree is not for its owner only"

remount
assert_eq "$(listings)" 0
dump >after
same before after
assert_eq "$(cat "$M/made/file")" data
end

# Another client is active while nobody has mounted.
change <<'PY'
import sys
sys.path.insert(0, sys.argv[1])
from raw import Raw
raw = Raw(sys.argv[2])
raw.put("d1/new", [b"from elsewhere"])
raw.put("d1/object 1", [b"replaced"])
raw.meta("d2/object 2", {"name": "d2/object 2", "nuid": "gone2", "deleted": True})
raw.purge_meta("d0/object 0")
PY
remount
assert_eq "$(listings)" 0
assert_eq "$(cat "$M/d1/new")" "from elsewhere"
assert_eq "$(cat "$M/d1/object 1")" replaced
[ ! -e "$M/d2/object 2" ] || fail "a removed object is shown"
must_fail "No such file" cat "$M/d0/object 0"
listed() { [ "$(listings)" = 1 ]; }
wait_until 30 listed
[ ! -e "$M/d0/object 0" ] || fail "a purged name is still shown"
assert_eq "$(find "$M" -name 'object*' | wc -l)" 1498
files >before
end

# A damaged file, and one whose bucket was made anew.
truncate -s -100 "$WORK"/cache/tree/*
remount
assert_eq "$(listings)" 1
files >after
same before after
end
python3 "$TOOLS/raw.py" "$URL" b delete_bucket
remount
assert_eq "$(ls "$M")" ""
end
