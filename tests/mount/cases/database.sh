# SPDX-License-Identifier: Apache-2.0
# An SQLite database: transactions, a rollback, two connections, and what is left after a remount.
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
end
mount_at "$M"
python3 - "$M/db" <<'P'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
assert db.execute("pragma integrity_check").fetchone() == ("ok",)
assert db.execute("select count(*), count(distinct k) from t").fetchone() == (2000, 2000)
P
end
