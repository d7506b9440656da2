# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The commands that everybody uses: add, ls, put, get, info, del; and that nothing is left of what
# fails.
start

# --- usage ---
expect 2 "no command" "$natsobj"
expect 2 "unknown command" "$natsobj" frobnicate
says err frobnicate
expect 2 "unknown option" "$natsobj" ls --frobnicate
says err frobnicate
expect 2 "missing argument" "$natsobj" put b
expect 2 "bad bucket name" "$natsobj" ls 'a.b'
says err a.b
expect 2 "bad size" "$natsobj" add x --max-bucket-size much
says err much
expect 0 "help" "$natsobj" --help
says out "Usage:"
expect 0 "help of a command" "$natsobj" put --help
expect 0 "version" "$natsobj" --version
says out natsobj

# --- buckets ---
expect 0 "list nothing" "$natsobj" ls
[ -s out ] && fail "buckets on an empty server"
expect 1 "missing bucket" "$natsobj" ls none
says err none
expect 0 "add" "$natsobj" add b --description "a bucket" --ttl 24h --max-bucket-size 200M
expect 0 "add again with the same settings" "$natsobj" add b --ttl 24h
expect 1 "add again with other settings" "$natsobj" add b --ttl 1h
says err '"b"'
expect 0 "add in memory" "$natsobj" add m --storage memory
expect 0 "list buckets" "$natsobj" ls
printf 'b\nm\n' >want
same want out
expect 0 "list buckets long" "$natsobj" ls -l
[ "$(wc -l <out)" -eq 2 ] || fail "two buckets in a long listing"
expect 0 "bucket as JSON" "$natsobj" info b --json
says out '"bucket":"b"'
says out '"ttl_ns":86400000000000'
says out '"max_bytes":209715200'
says out '"read_only":false'

# --- objects ---
printf 'hello\n' >hello
expect 0 "put" "$natsobj" put b hello
expect 0 "get to standard output" "$natsobj" get b hello -O -
same hello out
mkdir -p sub/dir
printf 'deep\n' >sub/dir/file
expect 0 "put a path" "$natsobj" put b ./sub/dir/file
expect 0 "get into the working directory" "$natsobj" get b sub/dir/file
same sub/dir/file file
expect 2 "put with .." "$natsobj" put b ../x
: >empty
expect 0 "put nothing" "$natsobj" put b empty
expect 0 "get nothing" "$natsobj" get b empty -O got
same empty got
head -c 5000000 /dev/urandom >big
expect 0 "put much" "$natsobj" put b big --name 'a name with "quotes" and ü'
expect 0 "get much" "$natsobj" get b 'a name with "quotes" and ü' --output got
same big got
expect 0 "put standard input" sh -c "cat big | '$natsobj' put b - --name from-pipe"
expect 0 "get to a pipe" sh -c "'$natsobj' get b from-pipe -O - | cmp - big"
expect 2 "standard input without a name" "$natsobj" put b -
head -c 131072 big >one-chunk
expect 0 "put one whole chunk" "$natsobj" put b one-chunk
expect 0 "get one whole chunk" "$natsobj" get b one-chunk -O got
same one-chunk got

expect 0 "list" "$natsobj" ls b
printf '%s\n' 'a name with "quotes" and ü' empty from-pipe hello one-chunk sub/dir/file >want
same want out
expect 0 "list long" "$natsobj" ls b --long
grep -qE '^ +5000000 20[0-9-]+T[0-9:]+Z from-pipe$' out || fail "long listing: $(cat out)"
expect 0 "list as JSON" "$natsobj" ls b --json
says out '"name":"a name with \"quotes\" and ü"'
[ "$(grep -o '"digest":"SHA-256=' out | wc -l)" -eq 6 ] || fail "six digests in the listing"
if command -v python3 >/dev/null; then
  python3 -c 'import json; assert len(json.load(open("out"))) == 6' || fail "listing is not JSON"
fi
expect 0 "object" "$natsobj" info b hello
says out "Size: 6"
expect 0 "object as JSON" "$natsobj" info b hello --json
digest=$(openssl dgst -sha256 -binary hello | openssl base64 | tr '+/' '-_')
says out "\"digest\":\"SHA-256=$digest\""
expect 1 "missing object" "$natsobj" info b nothing
says err nothing
expect 1 "get a missing object" "$natsobj" get b nothing
says err nothing
[ -e nothing ] && fail "a file for an object that does not exist"

# --- replacing ---
messages() {
  "$natsobj" info "$1" --json | sed 's/.*"messages":\([0-9]*\).*/\1/'
}
before=$(messages b)
expect 0 "replace" "$natsobj" put b hello --name from-pipe
expect 0 "get what replaced" "$natsobj" get b from-pipe -O -
same hello out
# 39 chunks became one.
[ "$(messages b)" -eq $((before - 38)) ] || fail "chunks left behind: $before, $(messages b)"
for i in 1 2 3 4 5 6 7 8; do
  printf 'writer %s\n' $i >w$i
  "$natsobj" put b w$i --name race 2>race$i.err &
  eval "pid$i=$!"
done
for i in 1 2 3 4 5 6 7 8; do
  eval "wait \$pid$i" || fail "writer $i: $(cat race$i.err)"
done
expect 0 "get the winner" "$natsobj" get b race -O -
grep -qE '^writer [1-8]$' out || fail "the winner of the race is $(cat out)"
printf 'old\n' >kept
chmod 640 kept
expect 0 "get over a file" "$natsobj" get b hello -O kept
same hello kept
[ "$(stat -c %a kept)" = 640 ] || fail "the mode of an existing file changed"

# --- nothing is left of what fails ---
mkdir out-dir
expect 1 "get into a missing directory" "$natsobj" get b hello -O no/where
expect 1 "get over a directory" "$natsobj" get b hello -O out-dir
expect 1 "put a missing file" "$natsobj" put b no-such-file
says err no-such-file
expect 1 "put a directory" "$natsobj" put b sub
expect 0 "a reader that goes away" sh -c "'$natsobj' get b 'a name with \"quotes\" and ü' -O - | head -c 10 >/dev/null"
[ -s err ] && fail "a reader that goes away: $(cat err)"
before=$(messages b)
# A writer that stops in the middle and keeps the pipe open.
mkfifo pipe
for signal in INT TERM; do
  { cat big; exec sleep 30; } >pipe &
  writer=$!
  timeout --preserve-status -s $signal 2 "$natsobj" put b pipe --name interrupted >out 2>err
  code=$?
  kill $writer && wait $writer 2>/dev/null
  [ $code -gt 128 ] || fail "a put interrupted by $signal ends with $code"
  what="put interrupted by $signal"
  says err interrupted
done
expect 1 "the interrupted object" "$natsobj" info b interrupted
[ "$(messages b)" -eq "$before" ] || fail "an interrupted put left chunks: $before, $(messages b)"
[ -z "$(find . -name '.natsobj*')" ] || fail "temporary files: $(find . -name '.natsobj*')"

# --- deleting ---
expect 0 "delete" "$natsobj" del b hello
expect 1 "get what was deleted" "$natsobj" get b hello -O -
expect 1 "delete what was deleted" "$natsobj" del b hello
says err hello
expect 0 "delete it by force" "$natsobj" del b hello --force
expect 0 "store it again" "$natsobj" put b hello
expect 2 "delete an object without a name" "$natsobj" del b ''
expect 2 "delete a bucket unasked" sh -c "'$natsobj' del m </dev/null"
expect 0 "delete a bucket" "$natsobj" del m -f
expect 0 "list buckets after that" "$natsobj" ls
echo b >want
same want out
expect 1 "delete a missing bucket" "$natsobj" del m -f
says err '"m"'

# --- limits and connections ---
expect 0 "a small bucket" "$natsobj" add small --max-bucket-size 1M
expect 1 "more than fits" "$natsobj" put small big
says err full
expect 1 "what did not fit" "$natsobj" info small big
expect 0 "what fits" "$natsobj" put small hello
expect 1 "no server" "$natsobj" --server nats://127.0.0.1:1 --timeout 2s ls
says err 127.0.0.1:1
echo secret >open-file
chmod 644 open-file
expect 2 "a password for everybody" "$natsobj" ls --user joe --password-file open-file
says err open-file
stop
start --user joe --pass secret
chmod 600 open-file
expect 1 "without credentials" "$natsobj" ls
expect 0 "with a password file" "$natsobj" ls --user joe --password-file open-file
expect 0 "with the environment" env NATS_USER=joe NATS_PASSWORD=secret "$natsobj" ls b
expect 1 "with a wrong password" env NATS_USER=joe NATS_PASSWORD=wrong "$natsobj" ls b
grep -q wrong err && fail "the password is shown"

finish
