# SPDX-License-Identifier: Apache-2.0
# A connection that breaks while a bucket is removed: the removal goes on when it is back, a bucket
# that stays takes objects again, and one that was made anew meanwhile is left alone.
start_server
M=$WORK/m
mkdir -p "$M"
export NATS_URL=$URL
printf hello >text

# Obeys a list of rules, one after the other. A rule is taken by the first request for the subject
# that it names ("at"): the command "run" is run, then the request is sent on, or lost ("drop"), or
# the connection is cut before it ("cut") or after it was obeyed ("cut after", "run after"), where
# the answer is lost.
cat >proxy.py <<'PY'
import json, os, socket, subprocess, sys, threading, time

target, rules_path = int(sys.argv[1]), sys.argv[2]
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)

def take_rule(data):
    if not os.path.exists(rules_path):
        return {}
    with open(rules_path) as f:
        rules = json.load(f)
    if not rules or rules[0]["at"].encode() not in data:
        return {}
    with open(rules_path + ".new", "w") as f:
        json.dump(rules[1:], f)
    os.rename(rules_path + ".new", rules_path)
    return rules[0]

def run(command):
    subprocess.run(command, shell=True, check=True)

class Pair:
    def __init__(self, client):
        self.client = client
        self.is_deaf, self.heard = False, threading.Event()
        self.server = socket.create_connection(("127.0.0.1", target))
        for f in (self.up, self.down):
            threading.Thread(target=f, daemon=True).start()

    def cut(self):
        for s in (self.client, self.server):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def request(self, data):
        rule = take_rule(data)
        act = rule.get("then")
        run(rule.get("run", "true"))
        if act == "cut after":
            self.is_deaf = True
        if act not in ("drop", "cut"):
            self.server.sendall(data)
        if act == "cut after":
            self.heard.wait(20)
            run(rule.get("run after", "true"))
        if act in ("cut", "cut after"):
            self.cut()

    def up(self):
        try:
            while data := self.client.recv(1 << 16):
                self.request(data)
        except OSError:
            pass
        self.cut()

    def down(self):
        try:
            while data := self.server.recv(1 << 16):
                if not self.is_deaf:
                    self.client.sendall(data)
                elif b"stream_update_response" in data or b"stream_delete_response" in data:
                    self.heard.set()
        except OSError:
            pass
        self.cut()

while True:
    Pair(listener.accept()[0])
PY
python3 proxy.py "${URL##*:}" "$WORK/rules" >proxy.port 2>proxy.log &
echo "$!" >>"$WORK/pids"
wait_until 30 test -s proxy.port
"$MOUNT" "nats://127.0.0.1:$(cat proxy.port)/" "$M" -f -o "cache_dir=$WORK/cache,drain_timeout=1" >"$WORK/log.m" 2>&1 &
MOUNT_PID=$!
echo "$MOUNT_PID" >>"$WORK/pids"
wait_until 30 is_mounted_or_dead "$M" "$MOUNT_PID"
mountpoint -q "$M" || fail "no mount: $(cat "$WORK/log.m")"

has_bucket() { "$NATSOBJ" info "$1" >/dev/null 2>&1; }
rules_are_taken() { [ "$(cat "$WORK/rules")" = "[]" ]; }
# bucket_with NAME RULE…: a bucket and what is to happen to it.
bucket_with() {
  local name=$1 IFS=,
  shift
  "$NATSOBJ" add "$name" >/dev/null
  stat "$M/$name" >/dev/null
  printf '[%s]' "$*" >"$WORK/rules"
}
DELETE=STREAM.DELETE.OBJ_ UPDATE=STREAM.UPDATE.OBJ_

# The request to delete does not arrive.
bucket_with one "{\"at\":\"${DELETE}one\",\"then\":\"cut\"}"
rmdir "$M/one" || fail "a connection lost before the deletion: $("$NATSOBJ" info one)"
rules_are_taken
if has_bucket one; then fail "rmdir left the bucket"; fi

# The bucket was closed, but the answer is lost; then that of the deletion.
bucket_with two "{\"at\":\"${UPDATE}two\",\"then\":\"cut after\"}" \
  "{\"at\":\"${DELETE}two\",\"then\":\"cut after\"}"
rmdir "$M/two" || fail "lost answers: $("$NATSOBJ" info two)"
rules_are_taken
if has_bucket two; then fail "rmdir left the bucket"; fi

# Somebody stores an object at the last moment, and the connection breaks before the bucket is open
# again.
bucket_with three "{\"at\":\"${UPDATE}three\",\"run\":\"$NATSOBJ put three text >/dev/null 2>&1\"}" \
  "{\"at\":\"${UPDATE}three\",\"then\":\"cut\"}"
must_fail "not empty" rmdir "$M/three"
rules_are_taken
"$NATSOBJ" put three text --name again >/dev/null 2>&1 || fail "rmdir left the bucket closed"
assert_eq "$("$NATSOBJ" get three text -O - 2>/dev/null)" hello

# What got the name while the answer was lost is another bucket.
bucket_with four "{\"at\":\"${DELETE}four\",\"then\":\"cut after\",\"run after\":\"$NATSOBJ add four >/dev/null && $NATSOBJ put four text >/dev/null 2>&1\"}"
rmdir "$M/four"
rules_are_taken
assert_eq "$("$NATSOBJ" get four text -O - 2>/dev/null)" hello

# The mount ends, and gives up waiting for an answer.
bucket_with five "{\"at\":\"${DELETE}five\",\"then\":\"drop\"}"
rmdir "$M/five" 2>/dev/null &
RMDIR_PID=$!
wait_until 30 rules_are_taken
kill -TERM "$MOUNT_PID"
if wait "$RMDIR_PID"; then fail "rmdir succeeded without a deletion"; fi
wait "$MOUNT_PID" || true
"$NATSOBJ" put five text >/dev/null 2>&1 || fail "the end of the mount left the bucket closed: $(cat "$WORK/log.m")"
