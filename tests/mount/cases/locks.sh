# SPDX-License-Identifier: Apache-2.0
# Locks among the processes of this host: flock, fcntl of processes and of open files; they end with
# a close or their process, and waiting for one ends with a signal.
begin
echo content >"$M/f"
cat >lock.py <<'P'
# lock.py FILE KIND ACTION: hold (until its input ends), try (exit 0 when free), wait.
import fcntl, os, signal, struct, sys
path, kind, action = sys.argv[1:4]
f = open(path, "r+b")
wait = action == "wait"
def lock():
    if kind == "flock":
        fcntl.flock(f, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    elif kind == "posix":
        fcntl.lockf(f, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB), 4, 2)
    else:
        arg = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 2, 4, 0)
        fcntl.fcntl(f, fcntl.F_OFD_SETLKW if wait else fcntl.F_OFD_SETLK, arg)
signal.signal(signal.SIGUSR1, lambda *_: os._exit(3))
if wait: print("waiting", flush=True)
try:
    lock()
except (BlockingIOError, PermissionError):
    sys.exit(1)
print("locked", flush=True)
if action == "hold":
    sys.stdin.readline()
    f.close()
    print("closed", flush=True)
    sys.stdin.readline()
P
is_free() { python3 lock.py "$M/f" "$1" try >/dev/null; }
is_blocked() { grep -q -- "-> .* $(stat -c %i "$M/f") " <(sed 's/:/ /g' /proc/locks); }
for kind in flock posix ofd; do
  mkfifo "in.$kind"
  python3 lock.py "$M/f" $kind hold <"in.$kind" >"out.$kind" &
  holder=$!
  exec 9>"in.$kind"
  wait_until 10 grep -q locked "out.$kind"
  ! is_free $kind || fail "$kind: two have it"
  # A signal ends a wait.
  python3 lock.py "$M/f" $kind wait >"wait.$kind" &
  waiter=$!
  wait_until 10 grep -q waiting "wait.$kind"
  wait_until 10 is_blocked
  kill -USR1 "$waiter"
  status=0; wait "$waiter" || status=$?
  assert_eq "$status" 3
  # A close hands the lock over while its holder lives on.
  python3 lock.py "$M/f" $kind wait >"wait.$kind" &
  waiter=$!
  wait_until 10 grep -q waiting "wait.$kind"
  echo >&9
  wait_until 10 grep -q closed "out.$kind"
  wait "$waiter" || fail "$kind: the waiter did not get it"
  kill -0 "$holder" || fail "the holder ended"
  wait_until 10 is_free $kind
  exec 9>&-
  wait "$holder"
done
# Ranges that do not meet, and the end of a process.
python3 - "$M/f" <<'P'
import fcntl, os, sys, signal
a = open(sys.argv[1], "r+b")
fcntl.lockf(a, fcntl.LOCK_EX, 10, 0)
pid = os.fork()
if pid == 0:
    b = open(sys.argv[1], "r+b")
    fcntl.lockf(b, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 10)
    try: fcntl.lockf(b, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 9)
    except OSError: os.kill(os.getpid(), signal.SIGKILL)
    os._exit(1)
assert os.waitpid(pid, 0)[1] == signal.SIGKILL
fcntl.lockf(a, fcntl.LOCK_EX | fcntl.LOCK_NB, 100, 0)
P
end
