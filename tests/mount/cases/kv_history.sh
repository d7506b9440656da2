# SPDX-License-Identifier: Apache-2.0
# .natsobj/history: what a key-value bucket keeps of older values, with their times and revisions, and
# deletions, also of keys that are gone.
start_server
python3 "$TOOLS/kv.py" "$URL" k make max_msgs_per_subject=3
M=$WORK/m
mount_kv "$M"
python3 - "$URL" "$M" <<'P'
import errno, os, stat, sys
from kv import Kv
url, m = sys.argv[1:]
kv = Kv(url)
h = f"{m}/.natsobj/history"

def must_fail(number, call, *args):
    try:
        call(*args)
    except OSError as e:
        assert e.errno == number, (call, args, e)
        return
    raise SystemExit(f"succeeded: {call} {args}")

def read(path):
    with open(path) as f: return f.read()

assert "history" in os.listdir(f"{m}/.natsobj")
assert os.listdir(h) == []
first = kv.put("config", "one")
second = kv.put("config", "two")
gone = kv.put("gone", "x")
gone_end = kv.delete("gone")
deep = kv.put("app/db/port", "5432")
app = kv.put("app", "a key that is a directory too")
assert sorted(os.listdir(h)) == ["app", "config", "gone"], os.listdir(h)
assert os.listdir(f"{h}/config") == [str(first), str(second)]
assert [read(f"{h}/config/{r}") for r in (first, second)] == ["one", "two"]
assert os.getxattr(f"{h}/config/{first}", "user.nats.revision") == str(first).encode()
st = os.stat(f"{h}/config/{first}")
assert stat.S_IMODE(st.st_mode) == 0o444 and st.st_size == 3, st
assert st.st_mtime_ns < os.stat(f"{h}/config/{second}").st_mtime_ns
assert os.stat(f"{h}/config/{second}").st_mtime_ns == os.stat(f"{m}/config").st_mtime_ns
assert sorted(os.listdir(f"{h}/gone")) == [str(gone), f"{gone_end}.deleted"]
assert read(f"{h}/gone/{gone}") == "x" and read(f"{h}/gone/{gone_end}.deleted") == ""
assert os.listdir(f"{h}/app") == [str(app), "db"], os.listdir(f"{h}/app")
assert read(f"{h}/app/db/port/{deep}") == "5432"

# A deleted value is put back by copying it.
with open(f"{m}/gone", "w") as f: f.write(read(f"{h}/gone/{gone}"))
assert kv.get("gone") == b"x"

# The bucket keeps three; what it has dropped is gone here too.
with open(f"{m}/config", "w") as f: f.write("three")
held = open(f"{h}/config/{first}")
with open(f"{m}/config", "w") as f: f.write("four")
assert held.read() == "one"
assert [read(f"{h}/config/{n}") for n in os.listdir(f"{h}/config")] == ["two", "three", "four"]
must_fail(errno.ENOENT, os.stat, f"{h}/config/{first + 1000}")
must_fail(errno.ENOENT, os.stat, f"{h}/none")
must_fail(errno.ENOENT, os.stat, f"{h}/config/x")
must_fail(errno.EACCES, os.open, f"{h}/config/{second}", os.O_WRONLY)
must_fail(errno.EPERM, os.open, f"{h}/config/new", os.O_WRONLY | os.O_CREAT)
must_fail(errno.EPERM, os.chmod, f"{h}/config/{second}", 0o600)
kv.purge("config")
assert [n.split(".")[1] for n in os.listdir(f"{h}/config")] == ["deleted"]

# Many keys, listed in parts.
for i in range(3000): kv.raw._send(f"PUB $KV.k.many/{i} 1\r\nx\r\n".encode())
kv.put("many/last", "x")
assert len(os.listdir(f"{h}/many")) == 3001
kv.raw.api("STREAM.PURGE.KV_k", {"filter": "$KV.k.many/5"})
assert len(os.listdir(f"{h}/many")) == 3000
must_fail(errno.ENOENT, os.stat, f"{h}/many/5")
P

# Beside the tree, not in it; and walks of it end.
H=$M/.natsobj/history
assert_eq "$(LC_ALL=C ls -a "$M" | tr '\n' ' ')" "%=fapp . .. app gone many "
[ "$(cd "$M" && find . -path '*natsobj*' | wc -l)" = 0 ] || fail "the history is part of the tree"
kv() { python3 "$TOOLS/kv.py" "$URL" k "$@"; }
first=$(kv put notes/a=20b 'an older word')
kv put notes/a=20b 'a newer word' >/dev/null
kv put notes/a 'no such thing' >/dev/null
kv purge notes/a >/dev/null
assert_eq "$(timeout 60 grep -r word "$H/notes")" "$H/notes/a b/$first:an older word
$H/notes/a b/$((first + 1)):a newer word"
assert_eq "$(find "$H/notes" -type f | sort)" "$H/notes/a b/$first
$H/notes/a b/$((first + 1))
$H/notes/a/$((first + 3)).deleted"
[ "$(stat -c %F "$H/notes" "$H/notes/a b/$first" | tr '\n' ' ')" = "directory regular file " ] ||
  fail "types of files in the history"

# With dots between the components of keys, and of keys with slashes.
mount_kv "$WORK/dots" kv_separator=.
kv put net.port 4222 >/dev/null
deep=$(kv put net.port.old 4111)
D=$WORK/dots/.natsobj/history
assert_eq "$(ls "$D/net")" port
assert_eq "$(cat "$D/net/port/old/$deep")" 4111
assert_eq "$(cat "$D/notes=2Fa b/$first")" 'an older word'
assert_eq "$(ls "$H/net.port.old")" "$deep"
unmount_and_wait "$WORK/dots" "$MOUNT_PID"

# A bucket that a mount makes keeps what it is told to, and one version if it is told nothing.
for keep in 2 ''; do
  mkdir "$WORK/made$keep"
  "$MOUNT" "$URL/kv:made$keep" "$WORK/made$keep" -f -o "create,cache_dir=$WORK/cache${keep:+,kv_history=$keep}" \
    >>"$WORK/log.made" 2>&1 &
  pid=$!
  echo "$pid" >>"$WORK/pids"
  wait_until 30 mountpoint -q "$WORK/made$keep"
  for value in one two three; do echo $value >"$WORK/made$keep/key"; done
  assert_eq "$(cat "$WORK/made$keep"/.natsobj/history/key/*)" "${keep:+two
}three"
  unmount_and_wait "$WORK/made$keep" "$pid"
done
end
