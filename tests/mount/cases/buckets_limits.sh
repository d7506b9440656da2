# SPDX-License-Identifier: Apache-2.0
# A mount of 300 buckets of which two may be open: listing is quick and opens none, buckets that nobody
# uses give way, those in use do not; permissions of a bucket's directory count from the first look,
# watches hear of buckets, locks hold in each, and a lost server is waited for.
start_server
export NATS_URL=$URL
python3 - "$URL" <<'PY'
import json, socket, sys
host, port = sys.argv[1].split("//")[1].split(":")
s = socket.create_connection((host, int(port)))
f = s.makefile("rb")
f.readline()
s.sendall(b'CONNECT {"verbose":false}\r\nSUB i 1\r\n')
for i in range(300):
    n = f"b{i:03d}"
    body = json.dumps({"name": "OBJ_" + n, "subjects": [f"$O.{n}.C.>", f"$O.{n}.M.>"],
                       "storage": "file" if i < 10 else "memory", "discard": "new", "allow_rollup_hdrs": True,
                       "allow_direct": True, "max_msgs": -1, "max_bytes": -1, "max_consumers": -1,
                       "max_msgs_per_subject": -1, "max_msg_size": -1, "num_replicas": 1}).encode()
    s.sendall(b"PUB $JS.API.STREAM.CREATE.OBJ_%s i %d\r\n%s\r\n" % (n.encode(), len(body), body))
answers = 0
while answers < 300:
    line = f.readline()
    if line.startswith(b"MSG"):
        f.read(int(line.split()[-1]) + 2)
        answers += 1
PY
M=$WORK/m
mkdir -p "$M"
chmod 755 "$WORK"
root_mount() {
  "$MOUNT" "$URL/" "$M" -f -o "cache_dir=$WORK/cache,$1" >>"$WORK/log.m" 2>&1 &
  MOUNT_PID=$!
  echo "$MOUNT_PID" >>"$WORK/pids"
  wait_until 30 is_mounted_or_dead "$M" "$MOUNT_PID"
  mountpoint -q "$M" || fail "no mount: $(cat "$WORK/log.m")"
}
field() { python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$M/.natsobj/status" "$1"; }
root_mount open_buckets=2,inotify,locks=cluster,allow_other

ls -l "$M" >listed
assert_eq "$(grep -c ' b[0-9]*$' listed)" 300
assert_eq "$(field open_buckets)" 0

# Two places: files, directories and working directories keep theirs.
for i in 0 1 2 3 4 5; do echo "$i" >"$M/b00$i/f"; done
for i in 0 1 2 3 4 5; do assert_eq "$(cat "$M/b00$i/f")" "$i"; done
[ "$(field open_buckets)" -le 2 ]
exec 7<"$M/b000/f"
exec 8>"$M/b001/kept"
must_fail "Too many open files" cat "$M/b002/f"
exec 7<&-
wait_until 10 cat "$M/b002/f" >/dev/null
echo later >&8
exec 8>&-
assert_eq "$(cat "$M/b001/kept")" later
(cd "$M/b003" && cat "$M/b004/f" >/dev/null && cat "$M/b005/f" "$M/b004/f" >/dev/null &&
  [ "$(pwd -P)" = "$M/b003" ] && [ "$(cat f)" = 3 ]) || fail "a working directory was lost"

# What the bucket says of its directory counts for the first request that enters it.
chmod 700 "$M/b006"
echo secret >"$M/b006/f"
chmod 711 "$M"/. 2>/dev/null && fail "the root was changed"
for i in 0 1 2; do cat "$M/b00$i/f" >/dev/null; done
if [ "$(id -u)" = 0 ]; then
  python3 - "$M" <<'PY'
import os, sys
os.setgid(65534)
os.setuid(65534)
assert open(sys.argv[1] + "/b000/f").read() == "0\n"
try:
    open(sys.argv[1] + "/b006/f")
except PermissionError:
    sys.exit(0)
sys.exit("let in")
PY
fi
assert_eq "$(stat -c %a "$M/b006")" 700

# Locks of two buckets have records of their own.
python3 - "$M" <<'PY'
import fcntl, os, sys
m = sys.argv[1]
a, b = (os.open(f"{m}/b00{i}/f", os.O_RDWR) for i in (0, 1))
fcntl.flock(a, fcntl.LOCK_EX | fcntl.LOCK_NB)
fcntl.flock(b, fcntl.LOCK_EX | fcntl.LOCK_NB)
c = os.open(f"{m}/b000/f", os.O_RDWR)
try:
    fcntl.flock(c, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    sys.exit(0)
sys.exit("two holders")
PY

# Watches hear of buckets and of what others change in one.
if command -v inotifywait >/dev/null; then
  inotifywait -m -q --format '%e %w%f' "$M" "$M/b000" >events 2>/dev/null &
  watcher=$!
  echo "$watcher" >>"$WORK/pids"
  # Until the watches are there: something that always is heard.
  heard() { mkdir "$M/b000/probe$1"; rmdir "$M/b000/probe$1"; grep -q "probe" events; }
  n=0
  until heard $n; do n=$((n + 1)); [ $n -lt 100 ] || fail "no watch"; sleep 0.05; done
  "$NATSOBJ" add fresh >/dev/null
  echo x | "$NATSOBJ" put b000 - --name news >/dev/null 2>&1
  wait_until 20 grep -q "CREATE,ISDIR $M/fresh" events
  wait_until 20 grep -q "CREATE $M/b000/news" events
  "$NATSOBJ" del fresh -f >/dev/null
  wait_until 20 grep -q "DELETE,ISDIR $M/fresh" events
  kill "$watcher"
  wait "$watcher" 2>/dev/null || true
fi

# The server goes and comes back: known buckets and new ones wait for it.
echo before >"$M/b000/g"
kill "$SERVER_PID"
wait "$SERVER_PID" 2>/dev/null || true
(timeout 60 cat "$M/b007/f" >late 2>&1 || true) &
reader=$!
(echo after >"$M/b000/h") &
last=$!
start_server
wait "$last"
assert_eq "$(cat "$M/b000/g" "$M/b000/h")" "before
after"
wait "$reader"
grep -q "No such file" late
echo unsaved >"$M/b000/last"
# Not while an event is being made.
wait_until 20 umount "$M"
wait "$MOUNT_PID" || fail "the daemon ended with status $?"
assert_eq "$("$NATSOBJ" get b000 last -O - 2>/dev/null)" unsaved
