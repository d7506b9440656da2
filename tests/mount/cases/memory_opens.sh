# SPDX-License-Identifier: Apache-2.0
# long 900
# Opening, reading and closing files again and again leaves nothing behind. ROUNDS may be given.
ROUNDS=${ROUNDS:-100000}

cat >opens.py <<'PY'
import os, sys

directory, rounds, files = sys.argv[1], int(sys.argv[2]), 50
for i in range(rounds):
    fd = os.open(f"{directory}/f{i % files}", os.O_RDONLY)
    assert len(os.pread(fd, 8192, 0)) == 5000
    os.close(fd)
PY

resident_kb() { awk '/VmRSS/ { print $2 }' "/proc/$MOUNT_PID/status"; }

begin
for i in $(seq 0 49); do head -c 5000 /dev/urandom >"$M/f$i"; done
python3 opens.py "$M" $((ROUNDS / 20 + 100))
before=$(resident_kb)
python3 opens.py "$M" "$ROUNDS"
after=$(resident_kb)
echo "$ROUNDS rounds: $before KB before, $after KB after"
# An allocation of 64 bytes kept in each round would be six megabytes.
[ $((after - before)) -le 4096 ] || fail "$((after - before)) KB more after $ROUNDS rounds"
end
