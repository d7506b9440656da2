# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Changes are reported as they happen, once each.
start
n=$natsobj
$n add b || exit 1
echo hello >hello
"$n" put b hello --name old || fail "put old"

"$n" watch b --json --count 4 >changes 2>err.json &
json=$!
"$n" watch b 'a*' --ignore-deletes --count 2 >filtered 2>err.filtered &
filtered=$!
"$n" watch b --history --count 3 --exec 'echo "$NATSOBJ_EVENT $NATSOBJ_NAME $NATSOBJ_SIZE"; cat >"json.$NATSOBJ_SEQ"' \
  >commands 2>err.exec &
commands=$!
"$n" watch b >endless 2>err.endless &
endless=$!
# The first report of the old object shows that the third one listens; the others were started before.
wait_until 60 grep -q old commands
sleep 2
"$n" put b hello --name a1 || fail "put a1"
"$n" put b hello --name b1 || fail "put b1"
"$n" del b a1 || fail "del a1"
"$n" mv b b1 a2 || fail "mv b1 a2"
wait $json || fail "watch --json ends with $?"
wait $filtered || fail "watch with a filter ends with $?"
wait $commands || fail "watch --exec ends with $?"
python3 - <<'P' || fail "changes"
import json
events = [json.loads(line) for line in open("changes")]
got = [(e["event"], e["object"]["name"]) for e in events]
assert got[:3] == [("put", "a1"), ("put", "b1"), ("delete", "a1")] or got[:2] == [("put", "a1"), ("put", "b1")], got
assert events[0]["object"]["size"] == 6
P
grep -q 'put .* 6 a1$' filtered && grep -q 'put .* 6 a2$' filtered || fail "filtered: $(cat filtered)"
grep -q b1 filtered && fail "what the filter does not take"
head -n 1 commands | grep -qx 'put old 6' || fail "commands: $(cat commands)"
[ "$(wc -l <commands)" = 3 ] || fail "three commands: $(cat commands)"
for f in json.*; do is_json "$f" 'd["object"]["bucket"] == "b"'; done

# A signal ends it, and so does the end of the bucket.
kill -TERM $endless
wait $endless
status=$?
[ $status = 143 ] || fail "a signal: $status"
[ -s err.endless ] && fail "$(cat err.endless)"
grep -q old endless && fail "what was there before is reported without --history"
"$n" watch b >gone 2>err.gone &
gone=$!
sleep 2
"$n" del b --force || fail "del b"
wait $gone
[ $? = 1 ] || fail "a bucket that goes"
says err.gone "is gone"
finish
