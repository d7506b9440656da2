# SPDX-License-Identifier: Apache-2.0
"""Driver for the `nats` command, whose path is the third argument; see README.md."""
import json
import re
import subprocess
import sys
import threading

url, bucket, program = sys.argv[1:4]
seen = []


def nats(*words, **options):
    done = subprocess.run([program, "--server", url, "--no-context", "object", *words], timeout=60,
                          capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        raise RuntimeError((done.stderr or done.stdout).strip().splitlines()[-1])
    return done.stdout


def put(name, path):
    nats("put", bucket, path, "--name", name, "--force", "--no-progress")


def pipe(name, path):
    with open(path, "rb") as f:
        nats("put", bucket, "--name", name, "--force", "--no-progress", stdin=f)


def get(name, path):
    nats("get", bucket, name, "--output", path, "--force", "--no-progress")


def info(name):
    text = nats("info", bucket, name)
    size = re.search(r"Size: *([0-9.,]+) *([KMGT]?i?B)?", text)
    return {"text": size.group(0) if size else text}


def listing():
    text = nats("ls", bucket, "--names")
    return [line.strip() for line in text.splitlines() if line.strip()]


def delete(name):
    nats("rm", bucket, name, "--force")


def watch():
    process = subprocess.Popen([program, "--server", url, "--no-context", "object", "watch", bucket],
                               stdout=subprocess.PIPE, text=True)

    def follow():
        for line in process.stdout:
            match = re.search(r"\] (PUT|DEL) [^>]*> (.*?)(: |$)", line)
            if match:
                seen.append([match.group(2).strip(), match.group(1) == "DEL"])

    threading.Thread(target=follow, daemon=True).start()


def kv(*words, **options):
    done = subprocess.run([program, "--server", url, "--no-context", "kv", *words], timeout=60,
                          capture_output=True, check=False, **options)
    if done.returncode != 0:
        raise RuntimeError((done.stderr or done.stdout).decode().strip().splitlines()[-1])
    return done.stdout


def kv_make(name, history):
    global kv_bucket
    kv_bucket = name
    kv("add", name, "--history", history)


def kv_store(verb):
    def run(key, path):
        with open(path, "rb") as f:
            kv(verb, kv_bucket, key, stdin=f)
    return run


def kv_update(key, path, revision):
    with open(path, "rb") as f:
        kv("update", kv_bucket, key, f.read(), revision)


def kv_keys():
    return kv("ls", kv_bucket).decode().split()


def kv_get(key, path):
    with open(path, "wb") as f:
        f.write(kv("get", kv_bucket, key, "--raw"))


def kv_revision(key):
    return int(re.search(rb"> .* revision: (\d+)", kv("get", kv_bucket, key)).group(1))


def kv_delete(key):
    kv("del", kv_bucket, key, "--force")


def kv_history(key):
    rows = (line.split("│") for line in kv("history", kv_bucket, key).decode().splitlines())
    return [[int(r[2]), r[3].strip() != "PUT"] for r in rows if len(r) > 4 and r[2].strip().isdigit()]


COMMANDS = {"put": put, "pipe": pipe, "get": get, "info": info, "list": listing, "delete": delete,
            "watch": watch, "seen": lambda: seen,
            "kv-make": kv_make, "kv-put": kv_store("put"), "kv-create": kv_store("create"),
            "kv-update": kv_update, "kv-get": kv_get, "kv-revision": kv_revision, "kv-keys": kv_keys,
            "kv-history": kv_history, "kv-delete": kv_delete}


for line in sys.stdin:
    command, *words = line.rstrip("\n").split("\t")
    try:
        if command in COMMANDS:
            result = COMMANDS[command](*words)
            answer = "ok" if result is None else f"ok {json.dumps(result)}"
        else:
            answer = "unsupported the command has no such verb"
    except Exception as e:
        answer = f"error {type(e).__name__}: {e}".replace("\n", " ")
    print(answer, flush=True)
