# SPDX-License-Identifier: Apache-2.0
"""Every example of tests/vectors, stored raw, then listed, described, read, overwritten and deleted
with the command. Usage: vectors.py NATSOBJ URL names|metas|layouts; prints what failed."""
import base64
import concurrent.futures
import json
import os
import subprocess
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "..", "mount"))
from raw import Raw  # noqa: E402

natsobj, url, what = sys.argv[1:]
failures = 0
checks = 0


def load(name):
    with open(os.path.join(here, "..", "vectors", name), encoding="utf-8") as f:
        return json.load(f)


def run(*args, stdin=b""):
    r = subprocess.run([natsobj, *args], input=stdin, capture_output=True, timeout=60,
                       env=dict(os.environ, NATS_URL=url))
    if r.returncode not in (0, 1) or b"Sanitizer" in r.stderr:
        check(False, f"{args}: status {r.returncode} {r.stderr.decode(errors='replace')}")
    return r


def check(ok, text):
    global failures, checks
    checks += 1
    if not ok:
        failures += 1
        print("FAILED:", text)


def new_bucket(raw, name):
    for verb, body in (("DELETE", ""), ("CREATE", json.dumps({
            "name": "OBJ_" + name, "subjects": [f"$O.{name}.C.>", f"$O.{name}.M.>"],
            "discard": "new", "allow_rollup_hdrs": True, "allow_direct": True}))):
        raw.request(f"$JS.API.STREAM.{verb}.OBJ_{name}", body)
    raw.bucket = name


def listed(bucket, *options):
    return json.loads(run("ls", bucket, "--json", *options).stdout)


def overwrite_and_delete(bucket, name, label, count):
    """The name is overwritten where it is, and goes as a whole."""
    check(run("put", bucket, "-", "--name", name, stdin=b"new").returncode == 0, f"{label}: put")
    check(run("cat", bucket, name).stdout == b"new", f"{label}: read what was put")
    left = listed(bucket)
    check(len(left) == count, f"{label}: one object after the put: {left}")
    check(run("del", bucket, name).returncode == 0, f"{label}: del")
    check(run("info", bucket, name).returncode == 1, f"{label}: gone")
    left = listed(bucket)
    check(len(left) == count - 1, f"{label}: none after the del: {left}")


def contents(example):
    """Content of an example, and its chunk messages."""
    if "content_hex" in example:
        data = bytes.fromhex(example["content_hex"])
    elif "300000" in example["payload"]:
        data = bytes(300000)
    else:
        data = b"x" if '"size":1' in example["payload"] else b""
    chunks = [data[i:i + 131072] for i in range(0, len(data), 131072)]
    if "zero-length chunk" in example.get("note", ""):
        chunks.append(b"")
    return data, chunks


def store_meta(raw, e):
    """Raw as in the example, with what its links lead to."""
    new_bucket(raw, "OTHER")
    for target in ("a/b", "other", "blink"):
        raw.put(target, [b"elsewhere"])
    new_bucket(raw, "DEMO")
    data, chunks = contents(e)
    nuid = e["payload"].split('"nuid"')[-1].split('"')[1] if '"nuid"' in e["payload"] else ""
    for c in chunks:
        raw.chunk(nuid, c)
    if '"link":{"bucket":"DEMO"' in e["payload"]:
        raw.put("hello.txt", [b"here"])
        data = b"here"
    elif '"link":{' in e["payload"]:
        data = b"elsewhere"
    raw.publish(e["meta_subject"], e["payload"], {"Nats-Rollup": "sub"})
    return data


def is_bucket_link(payload):
    link = json.loads(payload).get("options", {}).get("link")
    return bool(link) and not link.get("name")


def meta(raw, e):
    label = f"{e['writer']}: {e['label']}"
    data = store_meta(raw, e)
    try:
        payload = json.loads(e["payload"])
        name = payload["name"]
    except ValueError:
        payload = None
        token = e["meta_subject"].split(".")[-1]
        name = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    count = 2 if data == b"here" else 1
    if payload and payload.get("deleted"):
        check(listed("DEMO") == [], f"{label}: not listed")
        check([o["name"] for o in listed("DEMO", "--deleted")] == [name], f"{label}: --deleted")
        check(run("info", "DEMO", name).returncode == 1, f"{label}: info")
        check(run("info", "DEMO", name, "--deleted").returncode == 0, f"{label}: info --deleted")
        overwrite_and_delete("DEMO", name, label, 1)
        return
    check(name in [o["name"] for o in listed("DEMO")], f"{label}: listed")
    check(run("info", "DEMO", name, "--json").returncode == 0, f"{label}: info")
    got = run("cat", "DEMO", name)
    if payload is None or is_bucket_link(e["payload"]):
        check(got.returncode == 1 and got.stderr.count(b"\n") == 1, f"{label}: not readable")
    else:
        check(got.returncode == 0 and got.stdout == data,
              f"{label}: {got.stdout[:60]} instead of {data[:60]}, {got.stderr}")
    overwrite_and_delete("DEMO", name, label, count)


def name_in_bucket(bucket, raw, entries, key):
    """All names under one client's tokens in one bucket."""
    new_bucket(raw, bucket)
    stored = {}
    for e in entries:
        token, name = e[key], bytes.fromhex(e["name_hex"]).decode()
        if not token or (key != "token" and token == e["token"]) or len(token) > 3800:
            continue
        raw.put(name, [name.encode()], token=token)
        stored[name] = e["label"]
    check(sorted(o["name"] for o in listed(bucket)) == sorted(stored), f"{key}: the listing")
    # Arguments end at a NUL, and the server takes no longer names.
    possible = [n for n in stored if "\0" not in n and len(n.encode()) <= 2800]

    def use(name):
        label = stored[name]
        check(run("cat", bucket, "--", name).stdout == name.encode(), f"{key}: {label}: read")
        r = run("put", bucket, "-", "--name=" + name, stdin=b"new")
        check(r.returncode == 0, f"{key}: {label}: put {r.stderr}")
        r = run("del", bucket, "--", name)
        check(r.returncode == 0, f"{key}: {label}: del {r.stderr}")

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(use, possible))
    left = len(stored) - len(possible)
    names = [o["name"] for o in listed(bucket)]
    check(len(names) == left, f"{key}: after deleting all: {names[:5]}")


def not_utf8(raw, entries):
    """Names with other bytes, as nats.go writes them: reached by what the listing shows."""
    new_bucket(raw, "BYTES")
    for i, e in enumerate(entries):
        raw.put(e["json_name_go_would_write"] + str(i), [b"data"], token=e["token"])
    for o in listed("BYTES"):
        check(run("cat", "BYTES", o["name"]).stdout == b"data", f"{o['name']}: read")
        check(run("put", "BYTES", "-", "--name=" + o["name"], stdin=b"new").returncode == 0, "put")
        check(run("del", "BYTES", o["name"]).returncode == 0, f"{o['name']}: del")
    left = listed("BYTES")
    check(left == [], f"left: {left}")


def layouts(raw):
    """Chunks of every size, in pieces too."""
    new_bucket(raw, "L")
    for i, case in enumerate(load("chunk_index.json")["cases"]):
        sizes = case["chunk_sizes"]
        pieces = [bytes([(j * 7 + i) % 256]) * n for j, n in enumerate(sizes)]
        data = b"".join(pieces)
        if not data or len(data) != case["meta_size"]:
            continue
        name = f"layout-{i}"
        raw.put(name, pieces, options={"max_chunk_size": case["max_chunk_size"]},
                chunks=case["meta_chunks"])
        check(run("cat", "L", name).stdout == data, f"{case['label']}: read")
        for off in (0, 1, sizes[0] - 1, len(data) // 2, len(data) - 1):
            last = min(off + sizes[0], len(data) - 1)
            if off <= last:
                r = run("cat", "L", name, "--range", f"{off}-{last}")
                check(r.stdout == data[off:last + 1], f"{case['label']}: {off}-{last} {r.stderr}")
    r = run("verify", "L")
    check(r.returncode == 0, f"verify: {r.stdout}")


raw = Raw(url)
if what == "metas":
    for example in load("meta_examples.json")["examples"]:
        meta(raw, example)
elif what == "names":
    names = load("names.json")
    for n, key in enumerate(("token", "token_unpadded_variant", "token_java_variant",
                             "token_js_variant")):
        name_in_bucket(f"N{n}", raw, names["canonical"], key)
    not_utf8(raw, names["not_utf8"])
else:
    layouts(raw)
print(f"{checks} checks, {failures} failed")
sys.exit(1 if failures or not checks else 0)
