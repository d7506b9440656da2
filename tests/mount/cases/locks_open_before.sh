# SPDX-License-Identifier: Apache-2.0
# locks=cluster: programs that open a file before they lock it, on three mounts, work on the newest
# version: a number in the locked file misses nothing, nor does a database of SQLite.
python3 -c 'import sqlite3' 2>/dev/null || skip "python3 has no sqlite3"
begin locks=cluster
pids=("$MOUNT_PID")
dirs=("$M")
for i in 2 3; do
  mount_at "$WORK/m$i" "locks=cluster$([ $i = 2 ] || echo ,inotify)"
  pids+=("$MOUNT_PID")
  dirs+=("$WORK/m$i")
done
for how in flock closed mapped linked; do
  python3 "$TOOLS/locks.py" inside 6 3 $how "${dirs[@]}" || fail "a number with $how"
done
# Each sees all of a file that has become longer.
cat >longer.py <<'P'
import fcntl, os, sys
fds = [os.open(d + "/longer", os.O_RDWR | os.O_CREAT) for d in sys.argv[1:]]
os.write(fds[0], b"0")
os.fsync(fds[0])
for want in range(1, 300):
    fd = fds[want % len(fds)]
    fcntl.lockf(fd, fcntl.LOCK_EX)
    assert len(os.pread(fd, 1000, 0)) == want, want
    os.pwrite(fd, b"0", want)
    fcntl.lockf(fd, fcntl.LOCK_UN)
P
: >"$M/longer"
python3 longer.py "${dirs[@]}" || fail "a file that grows under a lock"
# So they do where each has made the file before anyone has stored it.
cat >made.py <<'P'
import fcntl, os, sys
for how in fcntl.flock, fcntl.lockf:
    for flags in 0, os.O_EXCL, os.O_APPEND:
        name = f"/made-{how.__name__}-{flags}"
        fds = [os.open(sys.argv[1] + name, os.O_RDWR | os.O_CREAT | flags)]
        fds += [os.open(d + name, os.O_RDWR | os.O_CREAT) for d in sys.argv[2:]]
        for n in "1", "2":
            for fd in reversed(fds):
                how(fd, fcntl.LOCK_EX)
                text = os.pread(fd, 99, 0)
                os.pwrite(fd, n.encode(), len(text))
                how(fd, fcntl.LOCK_UN)
        for fd in fds:
            os.close(fd)
        for d in sys.argv[1:]:
            text = open(d + name).read()
            assert text == "111222", (name, d, text)
P
python3 made.py "${dirs[@]}" || fail "a number in a file that is made"
cat >insert.py <<'P'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
for i in range(int(sys.argv[3])):
    db.execute("begin immediate")
    db.execute("insert into t (who, n) values (?, ?)", (sys.argv[2], i))
    db.execute("commit")
    if i % 5 == 4:
        db.close()
        db = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
P
python3 -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute("create table t (who, n, unique (who, n))")' "$M/db"
workers=()
for d in "${dirs[@]}"; do
  python3 insert.py "$d/db" "$d" "${ROUNDS:-20}" &
  workers+=($!)
done
for w in "${workers[@]}"; do wait "$w" || fail "an insert"; done
for d in "${dirs[@]}"; do
  python3 - "$d/db" "${ROUNDS:-20}" <<'P' || fail "the database on $d"
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
assert db.execute("pragma integrity_check").fetchone() == ("ok",)
counts = [n for _, n in db.execute("select who, count(*) from t group by who")]
assert counts == [int(sys.argv[2])] * 3, counts
P
done
[ -z "$(find "$M" -name '*.conflict-*')" ] || fail "there are conflict copies"
for i in 2 1 0; do unmount_and_wait "${dirs[i]}" "${pids[i]}"; done
