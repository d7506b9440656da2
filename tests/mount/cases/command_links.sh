# SPDX-License-Identifier: Apache-2.0
# The command knows files with several names: each is read, described and changed like the file, and what
# removes or replaces one counts it out, so that the last one takes the content with it.
begin
export NATS_URL=$URL
n=$NATSOBJ
links() { stat -c %h "$M/$1"; }
has_links() { [ "$(links "$1")" = "$2" ]; }
hidden() { "$n" ls b --prefix .natsobj/inode/ | wc -l; }
value() { "$n" info b "$1" --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["'"$2"'"])'; }

head -c 300000 /dev/urandom >content
cp content "$M/a"
ln "$M/a" "$M/b"
ln "$M/a" "$M/c"
ln "$M/a" "$M/d"
chmod 640 "$M/a"
assert_eq "$(hidden)" 1

"$n" get b c -O got -p 2>/dev/null
same content got
assert_eq "$(stat -c %a got)" 640
assert_eq "$(value b size)" 300000
assert_eq "$(value b name)" b
"$n" meta b c --set color=red
wait_until 10 getfattr -n user.color "$M/a" >/dev/null
"$n" cp b a copy 2>/dev/null
wait_until 10 has_links copy 1
same content "$M/copy"
if "$n" info b copy --json | grep -q posix.nlink; then fail "a copy counts names"; fi

# Who watches hears of the file under each of its names, with its size.
"$n" watch b --prefix b --json >>watched 2>&1 &
watcher=$!
echo "$watcher" >>"$WORK/pids"
heard() { python3 - watched "$@" <<'P'
import json, sys
lines = [json.loads(l) for l in open(sys.argv[1])]
objects = [(l["event"], l["object"]["name"], str(l["object"]["size"])) for l in lines]
sys.exit(tuple(sys.argv[2:]) not in objects)
P
}
is_watching() { touch "$M/b.probe"; [ -s watched ]; }
wait_until 20 is_watching
rm "$M/b.probe"
: >watched
echo more >>"$M/a"
wait_until 20 heard put b 300005
: >watched
chmod 600 "$M/a"
wait_until 20 heard put b 300005
chmod 640 "$M/a"
ln "$M/a" "$M/b2"
wait_until 20 heard put b2 300005
if grep -q inode/ watched; then fail "the hidden object is no name that begins so"; fi
kill "$watcher"
wait "$watcher" || true
truncate -s 300000 "$M/a"
rm "$M/b2"

# A rename keeps the number, a deletion does not, a replacement neither.
"$n" mv b b dir/e
wait_until 10 test -e "$M/dir/e"
has_links dir/e 4 || fail "$(links dir/e) names after a rename"
"$n" mv b c d -f
has_links d 4 || fail "mv of two names of one file removed one"
"$n" del b d
wait_until 10 has_links a 3
echo other >other
"$n" put b other --name c >/dev/null 2>&1
wait_until 10 has_links a 2
wait_until 10 has_links c 1
assert_eq "$(cat "$M/c")" other
same content "$M/a"
same content "$M/dir/e"
end

# Nobody but the command: the last name takes hidden object and content along.
"$n" del b a
assert_eq "$(hidden)" 1
"$n" get b dir/e -O got 2>/dev/null
same content got
"$n" del b dir/e
assert_eq "$(hidden)" 0
"$n" del b copy
"$n" del b c
assert_eq "$("$n" info b --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["bytes"] < 100000)')" True
