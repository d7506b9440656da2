# SPDX-License-Identifier: Apache-2.0
# A file is renamed on one host while another has it open for writing: what that writes goes along, as
# on a local disk, whichever of the two comes first.
begin
first=$MOUNT_PID
B=$WORK/other
mount_at "$B"
second=$MOUNT_PID
cat >moved.py <<'P'
import os, sys, threading, time
a, b = sys.argv[1:]
HOW = {"append": (os.O_WRONLY | os.O_APPEND, lambda f: os.write(f, b"+new"), b"old content+new"),
       "part": (os.O_RDWR, lambda f: os.pwrite(f, b"XX", 4), b"old XXntent"),
       "whole": (os.O_WRONLY | os.O_TRUNC, lambda f: os.write(f, b"new"), b"new")}
ROUNDS = 40

def get(path):
    with open(path, "rb") as f: return f.read()

def wait_for(what, f):
    end = time.monotonic() + 20
    while not f():
        assert time.monotonic() < end, what()
        time.sleep(0.02)

for how, (flags, write, wanted) in HOW.items():
    os.mkdir(f"{a}/{how}")
    for i in range(ROUNDS):
        with open(f"{a}/{how}/f{i}", "wb") as f: f.write(b"old content")
    wait_for(lambda: "no files", lambda: os.path.exists(f"{b}/{how}/f{ROUNDS - 1}"))
    gate, errors = threading.Barrier(2), []
    def rename():
        for i in range(ROUNDS):
            gate.wait()
            os.rename(f"{a}/{how}/f{i}", f"{a}/{how}/g{i}")
    def change():
        for i in range(ROUNDS):
            fd = os.open(f"{b}/{how}/f{i}", flags)
            write(fd)
            gate.wait()
            try: os.close(fd)
            except OSError as e: errors.append((i, e))
    threads = [threading.Thread(target=f) for f in (rename, change)]
    for t in threads: t.start()
    for t in threads: t.join()
    assert not errors, (how, errors)
    tree = lambda m: {n: get(f"{m}/{how}/{n}") for n in os.listdir(f"{m}/{how}")}
    all_there = {f"g{i}": wanted for i in range(ROUNDS)}
    for m in (a, b):
        wait_for(lambda: (how, m, tree(m)), lambda: tree(m) == all_there)
P
python3 moved.py "$M" "$B"
# A log that is rotated.
exec 7>>"$B/log"
echo one >&7
exec 7>&-
exec 7>>"$B/log"
wait_until 10 test -e "$M/log"
echo two >&7
mv "$M/log" "$M/log.1"
echo three >"$M/log"
wait_until 10 grep -q three "$B/log"
exec 7>&-
wait_until 10 grep -q two "$M/log.1"
assert_eq "$(cat "$M/log.1" "$M/log")" "one
two
three"
unmount_and_wait "$B" "$second"
end
mount_at "$M"
assert_eq "$(cat "$M/log.1" "$M/log")" "one
two
three"
assert_eq "$(cat "$M"/append/* | sort | uniq -c | wc -l) $(ls "$M/append" | wc -l)" "1 40"
end
