# SPDX-License-Identifier: Apache-2.0
# A large database that stays open is not uploaded whole by each transaction. Others see the last
# version that was stored whole, and what a transaction has promised survives the daemon and its
# cache directory.
python3 -c 'import sqlite3' 2>/dev/null || skip "python3 has no sqlite3"
begin purge_delay=10m
cat >fill.py <<'P'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("create table t (k integer primary key, v blob)")
with db: db.executemany("insert into t (v) values (randomblob(20000))", [()] * 500)
P
cat >work.py <<'P'
import random, sqlite3, sys, time
name, rounds, stay = sys.argv[1], int(sys.argv[2]), len(sys.argv) > 3
db = sqlite3.connect(name, timeout=30, isolation_level=None)
for i in range(rounds):
    db.execute("begin immediate")
    db.execute("insert into t (v) values (randomblob(500))")
    db.execute("update t set v = randomblob(20000) where k = ?", (random.randint(1, 500),))
    db.execute("commit")
print("committed", flush=True)
if stay: time.sleep(600)
db.close()
P
cat >count.py <<'P'
import sqlite3, sys
db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
assert db.execute("pragma integrity_check").fetchone() == ("ok",)
print(db.execute("select count(*) from t").fetchone()[0])
P
stored() { python3 -c 'import json; print(json.load(open("'"$M"'/.natsobj/status"))["bucket_bytes"])'; }
python3 fill.py "$M/db"
size=$(stat -c %s "$M/db")
before=$(stored)
python3 work.py "$M/db" 60
# The status may be a second old.
sleep 1.5
after=$(stored)
echo "60 transactions on $size bytes stored $((after - before))"
[ $((after - before)) -ge "$size" ] || fail "the database was not stored"
[ $((after - before)) -lt $((4 * size)) ] || fail "$((after - before)) bytes for 60 transactions"
first=$MOUNT_PID
mount_at "$WORK/n"
second=$MOUNT_PID
assert_eq "$(python3 count.py "$WORK/n/db")" 560

python3 work.py "$M/db" 20 stay >out & writer=$!
wait_until 60 grep -q committed out
# Nothing of it was stored whole, and others have a database that is as good as it was.
assert_eq "$(python3 count.py "$WORK/n/db")" 560
unmount_and_wait "$WORK/n" "$second"
kill -9 "$first"
wait "$first" 2>/dev/null || true
kill -9 "$writer"
wait "$writer" 2>/dev/null || true
umount -l "$M" 2>/dev/null || true
rm -rf "$WORK/cache"
mount_at "$M"
assert_eq "$(python3 count.py "$M/db")" 580
mount_at "$WORK/n"
assert_eq "$(python3 count.py "$WORK/n/db")" 580
unmount_and_wait "$WORK/n" "$MOUNT_PID"
umount "$M"
