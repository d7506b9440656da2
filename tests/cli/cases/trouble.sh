# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Files that change, disks that are full, streams that are closed, servers that go away: one line,
# the right status, and nothing half done.
start
n=$natsobj
$n add b || exit 1
head -c 30000000 /dev/urandom >big
"$n" put b big || fail "put big"
messages() { "$n" info b --json | sed 's/.*"messages":\([0-9]*\).*/\1/'; }

# --- names ---
expect 1 "a name that is no text" "$n" put b big --name "$(printf '\377')"
expect 1 "a long name" "$n" put b big --name "$(head -c 20000 /dev/zero | tr '\0' a)"
expect 1 "an empty name" "$n" cat b ''
expect 2 "no bucket" "$n" put 'b b' big
expect 1 "a missing bucket" "$n" put none big
for verb in add edit info seal del put get cat mv cp meta link watch verify mount umount status; do
  expect 2 "$verb without arguments" "$n" $verb
  expect 0 "help of $verb" "$n" $verb --help
  says out "Examples:"
done
expect 2 "an option that is none" "$n" put b big --frobnicate

# --- a file that changes ---
before=$(messages)
{ for _ in $(seq 400); do echo more >>growing; sleep 0.02; done; } &
grower=$!
cp big growing
timeout 60 "$n" put b growing >out 2>err
code=$?
kill $grower 2>/dev/null
wait $grower 2>/dev/null
[ $code = 1 ] || fail "a file that changes: $code"
says err changed
expect 1 "it is not stored" "$n" info b growing
[ "$(messages)" = "$before" ] || fail "chunks of the file that changed: $before, $(messages)"

# --- where the output goes ---
expect 1 "a full device" "$n" get b big -O /dev/full
expect 1 "a full standard output" sh -c "'$n' cat b big >/dev/full"
expect 1 "closed standard output" sh -c "'$n' ls b >&-"
expect 1 "closed standard output for content" sh -c "'$n' cat b big >&-"
expect 1 "a missing directory" "$n" get b big -O no/where
if mkdir small && mount -t tmpfs -o size=10m none small 2>/dev/null; then
  expect 1 "a full disk" "$n" get b big -O small/big
  says err "No space left"
  [ -z "$(ls -A small)" ] || fail "left on a full disk: $(ls -A small)"
  umount small
fi
"$n" cat b big 2>err | head -c 10 >/dev/null
[ "${PIPESTATUS[0]}" = 1 ] || fail "a reader that goes away is no success"
[ -s err ] && fail "a reader that goes away: $(cat err)"

# --- signals while a file is written ---
for signal in INT TERM HUP; do
  timeout -s $signal 0.3 "$n" get b big -O interrupted.$signal >out 2>err
  [ ! -e interrupted.$signal ] || cmp -s big interrupted.$signal || fail "$signal left a part of a file"
done
[ -z "$(find . -name '.natsobj*')" ] || fail "temporary files: $(find . -name '.natsobj*')"

# --- secrets ---
stop
start --user joe --pass 'se,cr=et'
address=${NATS_URL#nats://}
mkdir -p "$XDG_CONFIG_HOME/nats/context"
printf '{"url":"nats://%s","user":"joe","password":"se,cr=et"}' "$address" >"$XDG_CONFIG_HOME/nats/context/c.json"
chmod 600 "$XDG_CONFIG_HOME/nats/context/c.json"
unset NATS_URL
expect 0 "a context" "$n" ls --context c
expect 1 "without it" "$n" --server "nats://$address" ls
echo c >"$XDG_CONFIG_HOME/nats/context.txt"
expect 0 "the selected context" "$n" ls
expect 0 "a context of the environment" env NATS_CONTEXT=c "$n" ls
expect 2 "a context that is not there" "$n" ls --context d
says err '"d"'
"$n" --context c watch b >/dev/null 2>&1 &
watcher=$!
sleep 1
tr '\0' ' ' <"/proc/$watcher/cmdline" | grep -q 'se,cr' && fail "a password in the list of processes"
kill $watcher
wait $watcher 2>/dev/null
timeout 60 "$n" --server "nats://joe:se%2Ccr=et@$address" watch b >/dev/null 2>err &
watcher=$!
sleep 1
pgrep -af "natsobj" | grep 'se%2C' | grep -v timeout && fail "a password of a URL in the list of processes"
kill $watcher
wait $watcher 2>/dev/null
finish
