# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What can be done with objects beyond storing and reading them whole.
start
n=$natsobj
$n add b && $n add other || exit 1

# --- descriptions ---
echo hello >hello
expect 0 "put with everything" "$n" put b hello --name x --description 'a word' -H k:v -H k:w \
  --metadata m=1 --chunk-size 3 --json
is_json out 'd["name"] == "x" and d["description"] == "a word" and d["headers"] == {"k": ["v", "w"]}'
is_json out 'd["metadata"]["m"] == "1" and d["chunks"] == 2 and d["options"]["max_chunk_size"] == 3'
expect 1 "put without clobbering" "$n" put b hello --name x --no-clobber
expect 0 "change metadata" "$n" meta b x --set place=Amrum --unset m -H q:1 --unset-header k --description ''
expect 0 "show metadata" "$n" meta b x --json
is_json out '"description" not in d and d["headers"] == {"q": ["1"]}'
is_json out '"m" not in d["metadata"] and d["metadata"]["place"] == "Amrum"'
expect 0 "the content is the same" "$n" cat b x
same hello out
expect 1 "metadata of nothing" "$n" meta b nothing --set a=b
expect 2 "metadata without a key" "$n" meta b x --set nonsense

# --- parts ---
head -c 1000000 /dev/urandom >big
"$n" put b big || fail "put big"
for range in 0-0 0-131071 131071-131072 999999- -5 500000-2000000; do
  expect 0 "range $range" "$n" get b big --range $range -O part
  python3 - "$range" <<'P' || fail "range $range"
import sys
first, last = sys.argv[1].split("-")
data = open("big", "rb").read()
want = data[int(first):int(last) + 1] if first and last else data[int(first):] if first else data[-int(last):]
assert open("part", "rb").read() == want
P
done
expect 1 "range behind the end" "$n" get b big --range 1000000- -O none
expect 2 "no range" "$n" get b big --range 5-4
[ -e none ] && fail "a file for a range behind the end"

# --- other names ---
expect 0 "rename" "$n" mv b x y
expect 1 "the old name" "$n" info b x
expect 0 "the old name's tombstone" "$n" info b x --deleted --json
is_json out 'd["deleted"]'
expect 0 "the new name" "$n" cat b y
same hello out
expect 1 "rename over another" "$n" mv b y big
expect 0 "rename over another by force" "$n" mv b y big --force
expect 0 "what replaced" "$n" cat b big
same hello out
expect 1 "rename nothing" "$n" mv b nothing z
expect 0 "copy" "$n" cp b big copy
expect 0 "copy to another bucket" "$n" cp b big copy --to-bucket other --json
is_json out 'd["bucket"] == "other" and d["metadata"]["place"] == "Amrum"'
expect 1 "copy over another" "$n" cp b big copy
expect 2 "copy to itself" "$n" cp b big big --force
"$n" del b big || fail "del big"
expect 0 "a copy has its own content" "$n" cat b copy
same hello out

# --- links ---
expect 0 "link" "$n" link b l copy
expect 0 "link to another bucket" "$n" link b far copy --bucket other
expect 0 "link to a bucket" "$n" link b all --bucket other
expect 0 "read a link" "$n" cat b l
same hello out
expect 0 "read a link to another bucket" "$n" cat b far
same hello out
expect 1 "read a bucket" "$n" cat b all
expect 1 "link to a link" "$n" link b ll l
expect 1 "link to nothing" "$n" link b ll nothing
expect 2 "link to itself" "$n" link b copy copy
expect 1 "link over an object" "$n" link b copy copy --bucket other
expect 0 "list links" "$n" ls b -l
says out "far -> other:copy"
# A link into a bucket that is gone.
"$n" add third && "$n" put third hello && "$n" link b lost hello --bucket third && "$n" del third -f || fail "third"
expect 1 "a link into a bucket that is gone" "$n" cat b lost
says err '"third"'
"$n" del b lost || fail "del lost"
# A circle, which no client makes but any can end up with.
"$n" mv other copy kept && "$n" link other copy l --bucket b --force 2>/dev/null
python3 - "$HERE" "$NATS_URL" <<'P' || fail "a circle of links"
import sys
sys.path.insert(0, sys.argv[1] + "/../mount")
from raw import Raw
raw = Raw(sys.argv[2])
for a, b in (("c1", "c2"), ("c2", "c1")):
    raw.meta(a, {"name": a, "bucket": "b", "nuid": a, "size": 0, "chunks": 0, "options": {"link": {"bucket": "b", "name": b}}})
P
expect 1 "a circle of links" "$n" cat b c1
says err "too many links"

# --- listings ---
expect 0 "by prefix" "$n" ls b --prefix c --json
is_json out '[o["name"] for o in d] == ["c1", "c2", "copy"]'
expect 0 "by pattern" "$n" ls b 'c?'
printf 'c1\nc2\n' >want
same want out
expect 0 "deleted ones" "$n" ls b --deleted --json
is_json out 'sorted(o["name"] for o in d if o.get("deleted")) == ["big", "lost", "x", "y"]'

# --- digests ---
expect 0 "verify one" "$n" verify b copy --json
is_json out 'd == [{"name": "copy", "result": "ok", "size": 6}]'
"$n" put b hello --name damaged || fail "put damaged"
python3 - "$HERE" "$NATS_URL" <<'P' || fail "damage"
import sys
sys.path.insert(0, sys.argv[1] + "/../mount")
from raw import Raw
Raw(sys.argv[2]).put_as("damaged", [b"hellO\n"], [b"hello\n"])
P
expect 1 "get what is damaged" "$n" get b damaged -O none
[ -e none ] && fail "a file with damaged content"
timeout 60 "$n" verify b --json >out 2>err && fail "damage passes verify"
is_json out '{o["name"]: o["result"] for o in d}["damaged"] == "bad"'
is_json out '{o["name"]: o["result"] for o in d}["copy"] == "ok"'

# --- buckets ---
if "${NATS_SERVER:-nats-server}" --version | grep -qE 'v2\.[0-9]\.'; then
  expect 1 "compression on an old server" "$n" add packed --compress
  says err 2.10
  expect 1 "metadata on an old server" "$n" add packed --metadata a=b
else
  expect 0 "compression and metadata" "$n" add packed --compress --metadata a=b --tags "" --json
  is_json out 'd["compression"] == "s2" and d["metadata"] == {"a": "b"}'
  expect 1 "again with other metadata" "$n" add packed --metadata a=c
  expect 0 "other metadata" "$n" edit packed --metadata a= --metadata c=d --json
  is_json out 'd["compression"] == "s2" and d["metadata"] == {"c": "d"}'
  "$n" del packed -f || fail "del packed"
fi
expect 0 "a bucket in memory" "$n" add memory --storage memory
expect 0 "again" "$n" add memory --storage memory
expect 1 "again with another storage" "$n" add memory --storage file
says err storage
"$n" del memory -f || fail "del memory"
expect 0 "edit" "$n" edit other --description new --ttl 2h --max-bucket-size 5M --json
is_json out 'd["description"] == "new" and d["ttl_ns"] == 7200 * 10**9 and d["max_bytes"] == 5 << 20'
expect 0 "edit back" "$n" edit other --ttl 0 --max-bucket-size 0 --json
is_json out 'd["description"] == "new" and d["ttl_ns"] == 0 and d["max_bytes"] == 0'
expect 2 "edit nothing" "$n" edit other
expect 2 "seal unasked" "$n" seal other
expect 0 "seal" "$n" seal other --force --json
is_json out 'd["sealed"] and d["read_only"]'
expect 1 "put into a sealed bucket" "$n" put other hello
expect 0 "read a sealed bucket" "$n" cat other kept
expect 0 "describe it" "$n" status other --json
is_json out 'd["sealed"] and d["backing_store"] == "JetStream" and d["objects"] >= 1'
expect 0 "bench" "$n" bench --size 1M --objects 3 --json
is_json out 'd["put_bytes_per_second"] > 0 and d["small_gets_per_second"] > 0'
expect 0 "nothing is left of it" "$n" ls
printf 'b\nother\n' >want
same want out
finish
