# SPDX-License-Identifier: Apache-2.0
"""A NATS client of a few lines, to put into a bucket what no well-behaved client would.

As a module: Raw(url). As a program: raw.py URL BUCKET COMMAND ARGUMENT…, see COMMANDS.
"""
import base64
import hashlib
import json
import os
import socket
import sys


class Raw:
    def __init__(self, url, bucket="b"):
        host, port = url.split("://")[1].split("/")[0].rsplit(":", 1)
        self.bucket = bucket
        self.socket = socket.create_connection((host, int(port)), timeout=15)
        self.input = self.socket.makefile("rb")
        info = json.loads(self.input.readline().removeprefix(b"INFO "))
        self.version = tuple(int(n) for n in info["version"].split("-")[0].split("."))
        self.inbox = "_INBOX." + os.urandom(8).hex()
        self._send(b'CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}\r\n'
                   + f"SUB {self.inbox} 1\r\n".encode())

    def _send(self, data):
        self.socket.sendall(data)

    def request(self, subject, payload=b"", headers=None):
        """Sends, and returns the payload of the answer."""
        payload = payload.encode() if isinstance(payload, str) else payload
        if headers is None:
            line = f"PUB {subject} {self.inbox} {len(payload)}\r\n".encode()
        else:
            block = "NATS/1.0\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n"
            line = f"HPUB {subject} {self.inbox} {len(block)} {len(block) + len(payload)}\r\n".encode()
            payload = block.encode() + payload
        self._send(line + payload + b"\r\n")
        while True:
            words = self.input.readline().split()
            if not words:
                sys.exit("the server closed the connection")
            if words[0] == b"PING":
                self._send(b"PONG\r\n")
            elif words[0] == b"-ERR":
                sys.exit(b" ".join(words).decode())
            elif words[0] in (b"MSG", b"HMSG"):
                body = self.input.read(int(words[-1]) + 2)[:-2]
                return body[int(words[-2]):] if words[0] == b"HMSG" else body

    def listen(self, subject):
        """Every message of a subject from now on: its subject, headers and payload as bytes. The
        connection is good for nothing else then."""
        self._send(f"SUB {subject} 2\r\nPING\r\n".encode())
        while True:
            words = self.input.readline().split()
            if not words:
                return
            if words[0] == b"PING":
                self._send(b"PONG\r\n")
            elif words[0] == b"PONG":
                yield None
            elif words[0] in (b"MSG", b"HMSG"):
                body = self.input.read(int(words[-1]) + 2)[:-2]
                n = int(words[-2]) if words[0] == b"HMSG" else 0
                yield words[1].decode(), body[:n], body[n:]

    def api(self, verb, body=""):
        body = json.dumps(body) if isinstance(body, dict) else body
        answer = json.loads(self.request(f"$JS.API.{verb}", body))
        if "error" in answer:
            sys.exit(f"{verb}: {answer['error']}")
        return answer

    def publish(self, subject, payload, headers=None):
        answer = json.loads(self.request(subject, payload, headers))
        if "error" in answer:
            sys.exit(f"{subject}: {answer['error']}")
        return answer["seq"]

    def meta_subject(self, name):
        return f"$O.{self.bucket}.M." + base64.urlsafe_b64encode(name.encode()).decode()

    def chunk(self, nuid, data):
        return self.publish(f"$O.{self.bucket}.C.{nuid}", data)

    def meta(self, name, payload, token=None):
        """A metadata message as it stands: bytes, or a dict for JSON."""
        name = name.encode() if isinstance(name, str) else name
        token = token or base64.urlsafe_b64encode(name).decode()
        if isinstance(payload, dict):
            payload = json.dumps(payload)
        return self.publish(f"$O.{self.bucket}.M.{token}", payload, {"Nats-Rollup": "sub"})

    def put(self, name, pieces, token=None, **other):
        """An object of these chunk messages; other keys of its metadata replace the true ones.

        Returns the sequences of the chunks."""
        return self.put_as(name, pieces, pieces, token, **other)

    def put_as(self, name, messages, pieces, token=None, **other):
        """As put, with metadata that is true of pieces, while these messages are stored."""
        nuid = "raw" + os.urandom(10).hex()
        data = b"".join(pieces)
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode()
        info = {"name": name, "bucket": self.bucket, "nuid": nuid, "size": len(data),
                "chunks": sum(1 for piece in pieces if piece), "digest": f"SHA-256={digest}",
                "options": {"max_chunk_size": 131072}, "mtime": "2026-01-02T03:04:05.678Z"}
        info.update(other)
        sequences = [self.chunk(nuid, piece) for piece in messages]
        self.meta(name, info, token)
        return sequences

    def get_meta(self, name):
        """The newest metadata of a name and its sequence, or None and 0."""
        body = json.dumps({"last_by_subj": self.meta_subject(name)})
        answer = json.loads(self.request(f"$JS.API.STREAM.MSG.GET.OBJ_{self.bucket}", body))
        if "error" in answer:
            return None, 0
        message = answer["message"]
        return json.loads(base64.b64decode(message.get("data", "e30="))), message["seq"]

    def has_message(self, sequence):
        body = json.dumps({"seq": sequence})
        return "error" not in json.loads(self.request(f"$JS.API.STREAM.MSG.GET.OBJ_{self.bucket}", body))

    def count(self, name):
        """How many messages the metadata subject of a name has."""
        subject = self.meta_subject(name)
        state = self.api(f"STREAM.INFO.OBJ_{self.bucket}", {"subjects_filter": subject})["state"]
        return (state.get("subjects") or {}).get(subject, 0)

    def counts(self):
        """How many messages each metadata subject has."""
        body = {"subjects_filter": f"$O.{self.bucket}.M.>"}
        return self.api(f"STREAM.INFO.OBJ_{self.bucket}", body)["state"].get("subjects") or {}

    def purge_subject(self, subject):
        self.api(f"STREAM.PURGE.OBJ_{self.bucket}", {"filter": subject})

    def purge_meta(self, name):
        self.purge_subject(self.meta_subject(name))

    def purge_chunks(self, nuid):
        self.purge_subject(f"$O.{self.bucket}.C.{nuid}")

    def delete_message(self, sequence):
        self.api(f"STREAM.MSG.DELETE.OBJ_{self.bucket}", {"seq": sequence})

    def set(self, **settings):
        config = self.api(f"STREAM.INFO.OBJ_{self.bucket}")["config"]
        self.api(f"STREAM.UPDATE.OBJ_{self.bucket}", dict(config, **settings))

    def seal(self):
        self.set(sealed=True)

    def delete_bucket(self):
        self.api(f"STREAM.DELETE.OBJ_{self.bucket}")


COMMANDS = {
    "seal": Raw.seal,
    "delete_bucket": Raw.delete_bucket,
    "set": lambda raw, settings: raw.set(**json.loads(settings)),
}

if __name__ == "__main__":
    COMMANDS[sys.argv[3]](Raw(sys.argv[1], sys.argv[2]), *sys.argv[4:])
