# SPDX-License-Identifier: Apache-2.0
# What an old server loses when another client's roll-up meets a removal of natsobj is stored again: as
# it was, but for what told the server to roll up. Here a client plays the server and deletes what
# it has just stored, as natsobj itself would delete a replaced version, so that nobody takes it for
# the will of somebody else.
begin
cat >check.py <<'EOP'
import base64, hashlib, json, os, sys, time
from raw import Raw

url, m, phase = sys.argv[1:]
raw = Raw(url)
if raw.version >= (2, 12, 0):
    sys.exit(77)

def wait(what, test, seconds=30):
    end = time.monotonic() + seconds
    while not test():
        if time.monotonic() > end:
            sys.exit(f"not within time: {what}")
        time.sleep(0.005)

def write(name, text):
    with open(f"{m}/{name}", "w") as f:
        f.write(text)

def removed(name):
    """The mount has a moment ago removed an older version of the name."""
    write(name, "first")
    seq = raw.get_meta(name)[1]
    write(name, "second")
    wait("removal", lambda: not raw.has_message(seq))

def lose(name, text, purge=None):
    """Another client stores a version, which is lost at once, or purged."""
    nuid = "raw" + os.urandom(10).hex()
    raw.chunk(nuid, text)
    digest = base64.urlsafe_b64encode(hashlib.sha256(text).digest()).decode()
    info = json.dumps({"name": name, "bucket": "b", "nuid": nuid, "size": len(text), "chunks": 1,
                       "digest": f"SHA-256={digest}", "mtime": "2026-01-02T03:04:05.678Z",
                       "options": {"max_chunk_size": 131072}, "of": "another client"}).encode()
    last = raw.api("STREAM.INFO.OBJ_b")["state"]["last_seq"]
    headers = b"NATS/1.0\r\nNats-Rollup: sub\r\nX-Kept: 1\r\nX-Kept: 2\r\nNats-Msg-Id: " + nuid.encode() + b"\r\n\r\n"
    delete = json.dumps({"no_erase": True, "seq": last + 1}, separators=(",", ":")).encode()
    verb, body = (b"MSG.DELETE", delete) if not purge else (b"PURGE", purge)
    raw._send(b"HPUB %s %d %d\r\n%s%s\r\n" % (raw.meta_subject(name).encode(), len(headers), len(headers) + len(info), headers, info)
              + b"PUB $JS.API.STREAM.%s.OBJ_b lost %d\r\n%s\r\n" % (verb, len(body), body))
    return info, last + 1

def is_again(name, info, seq):
    body = json.dumps({"last_by_subj": raw.meta_subject(name)})
    answer = json.loads(raw.request("$JS.API.STREAM.MSG.GET.OBJ_b", body))
    if "error" in answer or answer["message"]["seq"] <= seq:
        return False
    assert base64.b64decode(answer["message"]["data"]) == info
    hdrs = base64.b64decode(answer["message"]["hdrs"])
    assert b"X-Kept: 1\r\nX-Kept: 2\r\n" in hdrs, hdrs
    assert b"Rollup" not in hdrs and b"Msg-Id" not in hdrs, hdrs
    return True

if phase == "life":
    removed("purged")
    removed("f")
    # Who purges a name wants it to be gone.
    lose("purged", b"unwanted", b'{"filter":"%s"}' % raw.meta_subject("purged").encode())
    purged_at = time.monotonic()
    info, seq = lose("f", b"of another client")
    wait("stored again", lambda: is_again("f", info, seq))
    wait("seen", lambda: open(f"{m}/f").read() == "of another client")
    assert raw.count("f") == 1
    # It goes on from what it had.
    removed("log")
    info, seq = lose("log", b"of another client")
    with open(f"{m}/log", "a") as f:
        f.write(", and ours")
    wait("joined", lambda: open(f"{m}/log").read() == "of another client, and ours")
    # What is stored meanwhile stays.
    removed("new")
    lose("new", b"of another client")
    write("new", "ours")
    # So does what the mount itself stored last, if that is lost along with the other's.
    for i in range(5):
        removed(f"own{i}")
        info = raw.get_meta(f"own{i}")[0]
        raw.meta(f"own{i}", info)
        theirs = raw.get_meta(f"own{i}")[1]
        write(f"own{i}", "ours")
        info, seq = raw.get_meta(f"own{i}")
        assert seq > theirs
        for n in theirs, seq:
            raw.api("STREAM.MSG.DELETE.OBJ_b", '{"no_erase":true,"seq":%d}' % n)
        end = time.monotonic() + 5
        while raw.get_meta(f"own{i}")[0] != info and time.monotonic() < end:
            time.sleep(0.01)
        # A slow machine may have deleted it too late.
        if raw.get_meta(f"own{i}")[0] == info:
            break
    else:
        sys.exit("what the mount stored is not stored again")
    assert open(f"{m}/own{i}").read() == "ours"
    time.sleep(max(0, purged_at + 3 - time.monotonic()))
    assert open(f"{m}/new").read() == "ours"
    assert raw.get_meta("purged")[1] == 0, raw.get_meta("purged")
    wait("gone", lambda: not os.path.exists(f"{m}/purged"))
else:
    removed("last")
    lose("last", b"of another client")
EOP
python3 check.py "$URL" "$M" life || { [ $? = 77 ] && skip "this server rolls up in one step"; fail "not stored again"; }
grep -q ' f was lost at the server.*stored again' log.m || fail "the log does not name what was stored again"
# A mount that ends looks before it does.
python3 check.py "$URL" "$M" end || fail "the end"
end
python3 -c '
import sys
from raw import Raw
assert Raw(sys.argv[1]).get_meta("last")[0]["of"] == "another client"' "$URL" || fail "lost at the end"
