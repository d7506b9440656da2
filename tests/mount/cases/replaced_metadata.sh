# SPDX-License-Identifier: Apache-2.0
# A server before 2.12 is not asked to roll metadata up, because it may take the newest version for
# an old one. What was replaced goes all the same, but where another client has the server roll the
# same name up, not before it has been left alone for seconds.
begin
cat >check.py <<'EOF'
import json, os, sys, threading, time
from raw import Raw

url, m = sys.argv[1:]
raw = Raw(url)
is_old = raw.version < (2, 12, 0)

def wait(what, test, seconds=30):
    end = time.monotonic() + seconds
    while not test():
        if time.monotonic() > end:
            sys.exit(f"not within time: {what}; {raw.counts()}")
        time.sleep(0.05)

seen = []
messages = Raw(url).listen("$O.b.M.>")
assert next(messages) is None
threading.Thread(target=lambda: seen.extend(messages), daemon=True).start()

def write(name, text):
    with open(f"{m}/{name}", "w") as f:
        f.write(text)

for i in range(5):
    write("f", f"version {i}")
    os.chmod(f"{m}/f", 0o600 + i)
os.rename(f"{m}/f", f"{m}/g")
os.unlink(f"{m}/g")
write("g", "last")
wait("messages seen", lambda: len(seen) >= 14)
rolled = [s for s, headers, _ in seen if b"Nats-Rollup" in headers]
assert is_old == (not rolled), (version, rolled)
wait("one message of each name", lambda: set(raw.counts().values()) == {1})
assert open(f"{m}/g").read() == "last"

def replace(wanted):
    """Once the mount has seen what another client stored, it stores the next version."""
    info, seq = raw.get_meta("g")
    wait("seen", lambda: os.stat(f"{m}/g").st_mode & 0o777 == int(info["metadata"]["posix.mode"], 8) & 0o777)
    os.chmod(f"{m}/g", wanted)
    assert raw.get_meta("g")[1] > seq
    return seq

def other(mode, store):
    info, _ = raw.get_meta("g")
    info["metadata"]["posix.mode"] = f"0100{mode:o}"
    store(info)

# What another client stores without a roll-up is no reason to wait.
other(0o640, lambda info: raw.publish("$O.b.M.Zw==", json.dumps(info)))
wait("removed at once", lambda seq=replace(0o600): not raw.has_message(seq), 5)
other(0o644, lambda info: raw.meta("g", info))
rolled_at = time.monotonic()
replaced = replace(0o600)
if is_old:
    while time.monotonic() < rolled_at + 5:
        assert raw.has_message(replaced), "removed while others store the name"
        time.sleep(0.1)
wait("removed when it is left alone", lambda: not raw.has_message(replaced))
assert open(f"{m}/g").read() == "last"
EOF
python3 check.py "$URL" "$M" || fail "replaced metadata"
end
# A command has no time to wait.
echo one >x
"$NATSOBJ" --server "$URL" put b x >/dev/null
echo two >x
"$NATSOBJ" --server "$URL" put b x >/dev/null
python3 -c '
import sys
from raw import Raw
counts = Raw(sys.argv[1]).counts()
assert counts["$O.b.M.eA=="] == 1, counts' "$URL" || fail "left behind by a command"
