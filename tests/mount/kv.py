# SPDX-License-Identifier: Apache-2.0
"""A key-value bucket as its clients see it (NATS ADR-8), without any library.

As a module: Kv(url, bucket). As a program: kv.py URL BUCKET COMMAND ARGUMENT…, see COMMANDS.
"""
import base64
import json
import sys

from raw import Raw


class Kv:
    def __init__(self, url, bucket="k"):
        self.raw = Raw(url)
        self.bucket = bucket

    def make(self, **config):
        """The bucket as nats.go makes it, with other settings of its stream."""
        body = {"name": f"KV_{self.bucket}", "subjects": [f"$KV.{self.bucket}.>"], "max_msgs_per_subject": 1,
                "storage": "file", "discard": "new", "allow_rollup_hdrs": True, "deny_delete": True,
                "allow_direct": True, "num_replicas": 1}
        body.update(config)
        self.raw.api(f"STREAM.CREATE.KV_{self.bucket}", body)

    def subject(self, key):
        return f"$KV.{self.bucket}.{key}"

    def put(self, key, value):
        return self.raw.publish(self.subject(key), value)

    def update(self, key, value, revision):
        """The new revision, or None when revision is not that of the key."""
        headers = {"Nats-Expected-Last-Subject-Sequence": revision}
        answer = json.loads(self.raw.request(self.subject(key), value, headers))
        return None if "error" in answer else answer["seq"]

    def delete(self, key):
        return self.raw.publish(self.subject(key), b"", {"KV-Operation": "DEL"})

    def purge(self, key):
        return self.raw.publish(self.subject(key), b"", {"KV-Operation": "PURGE", "Nats-Rollup": "sub"})

    def entry(self, key):
        """Value and revision; the value is None when the key is deleted, the revision 0 when it never was."""
        body = json.dumps({"last_by_subj": self.subject(key)})
        answer = json.loads(self.raw.request(f"$JS.API.STREAM.MSG.GET.KV_{self.bucket}", body))
        if "error" in answer:
            return None, 0
        message = answer["message"]
        headers = base64.b64decode(message.get("hdrs", ""))
        if b"KV-Operation: DEL" in headers or b"KV-Operation: PURGE" in headers:
            return None, message["seq"]
        return base64.b64decode(message.get("data", "")), message["seq"]

    def get(self, key):
        return self.entry(key)[0]

    def revision(self, key):
        return self.entry(key)[1]

    def keys(self):
        """All keys with a value."""
        body = {"subjects_filter": f"$KV.{self.bucket}.>"}
        subjects = self.raw.api(f"STREAM.INFO.KV_{self.bucket}", body)["state"].get("subjects") or {}
        names = (s[len(self.subject("")):] for s in subjects)
        return sorted(k for k in names if self.get(k) is not None)


COMMANDS = {
    "make": lambda kv, *config: kv.make(**{k: json.loads(v) for k, v in (c.split("=", 1) for c in config)}),
    "put": lambda kv, key, value: kv.put(key, value),
    "update": lambda kv, key, value, revision: kv.update(key, value, revision),
    "delete": lambda kv, key: kv.delete(key),
    "purge": lambda kv, key: kv.purge(key),
    "get": lambda kv, key: kv.get(key),
    "revision": lambda kv, key: kv.revision(key),
    "keys": lambda kv: "\n".join(kv.keys()),
}

if __name__ == "__main__":
    result = COMMANDS[sys.argv[3]](Kv(sys.argv[1], sys.argv[2]), *sys.argv[4:])
    if isinstance(result, bytes):
        sys.stdout.buffer.write(result)
    elif result is not None:
        print(result)
