# SPDX-License-Identifier: Apache-2.0
# SQLite databases with each kind of journal: transactions, a rollback, two connections and two
# processes at once, and what is left after a remount.
python3 -c 'import sqlite3' 2>/dev/null || skip "python3 has no sqlite3"
begin
python3 - "$M/db" <<'P'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=30)
db.execute("create table t (k integer primary key, v text)")
for batch in range(5):
    with db: db.executemany("insert into t (v) values (?)", [(f"{batch} {i}" * 20,) for i in range(400)])
try:
    with db:
        db.execute("delete from t")
        raise RuntimeError
except RuntimeError: pass
other = sqlite3.connect(sys.argv[1], timeout=30)
assert other.execute("select count(*) from t").fetchone() == (2000,)
with other: other.execute("update t set v = 'x' where k % 2 = 0")
assert db.execute("select count(*) from t where v = 'x'").fetchone() == (1000,)
db.execute("vacuum")
P
cat >work.py <<'P'
import sqlite3, sys, time
name, mode, who, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
db = sqlite3.connect(name, timeout=60, isolation_level=None)
# SQLite does not wait for another process that switches the mode at the same moment.
for _ in range(1200):
    try:
        got = db.execute(f"pragma journal_mode = {mode}").fetchone()[0]
        break
    except sqlite3.OperationalError: time.sleep(0.05)
assert got == mode
db.execute("create table if not exists t (k integer primary key, who text, n integer)")
for i in range(count):
    db.execute("begin immediate")
    db.execute("insert into t (who, n) values (?, ?)", (who, i))
    if i % 5 == 4:
        db.execute("rollback")
    else:
        db.execute("commit")
db.close()
P
for mode in delete truncate persist wal; do
  python3 work.py "$M/$mode" $mode a "${ROUNDS:-25}" &
  one=$!
  python3 work.py "$M/$mode" $mode b "${ROUNDS:-25}" || fail "$mode"
  wait $one || fail "$mode: the other process"
done
end
mount_at "$M"
python3 - "$M" "${ROUNDS:-25}" <<'P'
import sqlite3, sys
m, rounds = sys.argv[1], int(sys.argv[2])
def check(db): assert db.execute("pragma integrity_check").fetchone() == ("ok",)
db = sqlite3.connect(m + "/db")
check(db)
assert db.execute("select count(*), count(distinct k) from t").fetchone() == (2000, 2000)
for mode in ("delete", "truncate", "persist", "wal"):
    db = sqlite3.connect(f"{m}/{mode}")
    check(db)
    counts = db.execute("select who, count(*) from t group by who").fetchall()
    assert counts == [("a", rounds - rounds // 5), ("b", rounds - rounds // 5)], (mode, counts)
P
end
