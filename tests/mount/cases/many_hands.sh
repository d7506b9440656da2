# SPDX-License-Identifier: Apache-2.0
# Eight workers on two mounts of one bucket create, rename, remove and list; at the end both mounts list
# what the bucket has, in the kernel's eyes too.
begin
first=$MOUNT_PID
A=$M B=$WORK/other
mount_at "$B"
second=$MOUNT_PID
mkdir "$A/d" "$A/e"
wait_until 10 test -d "$B/e"
cat >worker.py <<'P'
import os, random, sys
mounts, seed = sys.argv[1:3], int(sys.argv[3])
r = random.Random(seed)
m = mounts[seed % 2]
def name(): return f"{m}/{r.choice('de')}/n{r.randrange(24)}"
for step in range(150):
    kind = r.randrange(8)
    try:
        if kind < 3:
            with open(name(), "w") as f: f.write(f"{seed}.{step}")
        elif kind < 5: os.rename(name(), name())
        elif kind < 6: os.remove(name())
        elif kind < 7:
            for d in "de": os.listdir(f"{m}/{d}")
        else: os.stat(name())
    except FileNotFoundError: pass
    # Another host's change met ours: nothing is wrong with that.
    except OSError as e: assert e.errno in (11, 16, 17, 116), (kind, e)
P
workers=
for seed in 0 1 2 3 4 5 6 7; do python3 worker.py "$A" "$B" $seed & workers="$workers $!"; done
for worker in $workers; do wait "$worker" || fail "a worker failed"; done
truth() { "$NATSOBJ" ls b --server "$URL" 2>/dev/null | grep -v '/$' | grep '/n' | LC_ALL=C sort; }
shown() { (cd "$1" && find d e -type f ! -name '*.conflict-*' | LC_ALL=C sort); }
agree() {
  [ -n "$(truth)" ] || return 1
  truth | grep -v conflict >truth
  shown "$A" >a
  shown "$B" >b
  cmp -s truth a && cmp -s truth b
}
end_at=$((SECONDS + 20))
until agree; do
  [ $SECONDS -lt $end_at ] || fail "the mounts do not agree with the bucket: $(diff truth a) / $(diff truth b)"
  sleep 0.1
done
# Each name by itself, which the kernel may answer from what it keeps.
for i in $(seq 0 23); do
  for d in d e; do
    if grep -qx "$d/n$i" truth; then
      [ -e "$A/$d/n$i" ] && [ -e "$B/$d/n$i" ] || fail "$d/n$i is not found"
      same "$A/$d/n$i" "$B/$d/n$i"
    else
      [ ! -e "$A/$d/n$i" ] && [ ! -e "$B/$d/n$i" ] || fail "$d/n$i is found after it was removed"
    fi
  done
done
unmount_and_wait "$B" "$second"
unmount_and_wait "$A" "$first"
