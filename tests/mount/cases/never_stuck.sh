# SPDX-License-Identifier: Apache-2.0
# The server is frozen. Whatever waits for it can be killed, by SIGKILL, by an interrupt from the
# keyboard, and after it has caught another signal; a signal that is caught ends nothing. What is known
# is still answered; umount works, and the daemon ends in bounded time and says that it lost something.
begin drain_timeout=3s
echo x >"$M/x"
# Where a request of one process waits in a directory, the kernel lets no other change it: so each of
# those below has its own.
mkdir "$M/d"
for way in kill keyboard quit timer; do
  for kind in write close stat mkdir rename unlink chmod truncate symlink; do
    mkdir -p "$M/$way/$kind"
    echo x >"$M/$way/$kind/x"
  done
done
head -c 9M /dev/urandom >f
cp f "$M/f"
exec 5>"$M/open"
echo unsaved >&5
kill -STOP "$SERVER_PID"
python3 - "$M" <<'P'
import os, signal, subprocess, sys, time
m = sys.argv[1]
# What each process does, and what it says before and after.
PROGRAM = """
import os, signal, sys
caught = []
signal.signal(signal.SIGALRM, lambda *a: caught.append(1))
signal.signal(signal.SIGINT, signal.SIG_DFL)
m, kind, way = sys.argv[1:]
d = f"{m}/{way}/{kind}"
work = {
    "read": lambda: open(m + "/f", "rb", buffering=0).read(),
    "write": lambda: open(d + "/w", "wb", buffering=0).write(b"x" * 20000000),
    "close": lambda: open(d + "/c", "wb", buffering=0).close(),
    "stat": lambda: os.stat(d + "/absent"),
    "mkdir": lambda: os.mkdir(d + "/made"),
    "rename": lambda: os.rename(d + "/x", d + "/y"),
    "unlink": lambda: os.unlink(d + "/x"),
    "chmod": lambda: os.chmod(d + "/x", 0o600),
    "truncate": lambda: os.truncate(d + "/x", 0),
    "statfs": lambda: os.statvfs(m),
    "symlink": lambda: os.symlink("t", d + "/l"),
}[kind]
print("begins", flush=True)
try: work()
except OSError as e: print("error", e.errno, flush=True)
print("ends", flush=True)
"""
KINDS = ["read", "write", "close", "stat", "mkdir", "rename", "unlink", "chmod", "truncate", "statfs", "symlink"]
WAYS = {"kill": [signal.SIGKILL], "keyboard": [signal.SIGINT], "quit": [signal.SIGQUIT],
        "timer": [signal.SIGALRM, signal.SIGKILL]}
running = []
for way in WAYS:
    for kind in KINDS:
        p = subprocess.Popen([sys.executable, "-c", PROGRAM, m, kind, way], stdout=subprocess.PIPE)
        assert p.stdout.readline() == b"begins\n"
        running.append((way, kind, p))
time.sleep(0.5)
waits = []
for way, kind, p in running:
    if p.poll() is None: waits.append(kind)
# The server is what they wait for; nearly all of it does.
assert len(waits) >= len(running) // 2, waits
for kind in ("read", "mkdir", "write"): assert kind in waits, waits
# What is known needs no server.
assert os.stat(m + "/x").st_size == 2
assert {"x", "d", "f"} <= set(os.listdir(m))
for way, kind, p in running:
    for sig in WAYS[way][:-1]:
        p.send_signal(sig)
time.sleep(0.5)
for way, kind, p in running:
    # A timer ended nobody's call.
    if way == "timer" and kind in ("read", "mkdir"): assert p.poll() is None, (way, kind, p.returncode)
    p.send_signal(WAYS[way][-1])
for way, kind, p in running:
    try: p.wait(timeout=20)
    except subprocess.TimeoutExpired:
        state = [l for l in open(f"/proc/{p.pid}/status") if l.startswith("State")]
        sys.exit(f"{kind} stays after {way}: {state}")
P
# Not even those who are many.
for i in $(seq 100); do cat "$M/f" >/dev/null & readers="${readers:-} $!"; done
sleep 0.3
kill -9 $readers
is_ended() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status"; }
for reader in $readers; do wait_until 20 is_ended "$reader"; done
wait $readers 2>/dev/null || true
assert_eq "$(stat -c %s "$M/x")" 2
kill -TERM "$MOUNT_PID"
wait_until 40 is_ended "$MOUNT_PID"
if wait "$MOUNT_PID"; then fail "status 0 although a file could not be stored"; fi
grep -q 'not stored\|could not be stored' log.m || fail "nothing said about the file that is lost"
exec 5>&- || true
! mountpoint -q "$M" || fail "still mounted"
kill -CONT "$SERVER_PID"
mount_at "$M"
same f "$M/f"
# Nothing is unsaved: umount succeeds while the server is frozen, and the daemon ends well. It asks for
# the state of the file system first, which the daemon remembers from some time ago.
sleep 2
kill -STOP "$SERVER_PID"
timeout 20 stat -f "$M" >/dev/null || fail "statfs waits for a frozen server"
umount "$M"
wait_until 20 is_ended "$MOUNT_PID"
wait "$MOUNT_PID" || fail "ended with status $?"
kill -CONT "$SERVER_PID"
