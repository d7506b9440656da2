# SPDX-License-Identifier: Apache-2.0
"""Keys and credentials of a server in operator mode, made with openssl only.

nkey.py DIR writes there: seed (an nkey seed), key (its public key), user.creds, and operator.conf, the
part of a server's configuration that accepts them.
"""
import base64
import hashlib
import json
import os
import subprocess
import sys

USER, ACCOUNT, OPERATOR, SEED = 20 << 3, 0, 14 << 3, 18 << 3


def crc16(data):
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def encode(raw):
    return base64.b32encode(raw + crc16(raw).to_bytes(2, "little")).decode().rstrip("=")


def b64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def openssl(*args, data=None):
    return subprocess.run(["openssl", *args], input=data, stdout=subprocess.PIPE, check=True).stdout


class Key:
    """An Ed25519 key pair of one kind; its private key lies in a file for openssl."""

    def __init__(self, kind, file):
        self.file = file
        openssl("genpkey", "-algorithm", "ed25519", "-out", file)
        private = openssl("pkey", "-in", file, "-outform", "DER")[-32:]
        public = openssl("pkey", "-in", file, "-pubout", "-outform", "DER")[-32:]
        self.public = encode(bytes([kind]) + public)
        self.seed = encode(bytes([SEED | kind >> 5, (kind & 31) << 3]) + private)

    def sign(self, data):
        with open(self.file + ".in", "wb") as f:
            f.write(data)
        return openssl("pkeyutl", "-sign", "-rawin", "-inkey", self.file, "-in", self.file + ".in")

    def token(self, subject, name, kind, **claims):
        body = {"iat": 1600000000, "iss": self.public, "name": name, "sub": subject.public,
                "nats": dict(claims, type=kind, version=2)}
        body["jti"] = base64.b32encode(hashlib.sha256(json.dumps(body).encode()).digest()).decode().rstrip("=")
        signed = b64(json.dumps({"typ": "JWT", "alg": "ed25519-nkey"}).encode()) + "." + b64(json.dumps(body).encode())
        return signed + "." + b64(self.sign(signed.encode()))


def main(dir):
    operator, system, account, user = (Key(kind, f"{dir}/{name}.pem") for kind, name in [
        (OPERATOR, "operator"), (ACCOUNT, "system"), (ACCOUNT, "account"), (USER, "user")])
    limits = {key: -1 for key in ("subs", "data", "payload", "imports", "exports", "conn", "leaf", "mem_storage",
                                  "disk_storage", "streams", "consumer")}
    tokens = {system.public: operator.token(system, "system", "account", limits=dict(limits, mem_storage=0,
                                                                                     disk_storage=0)),
              account.public: operator.token(account, "account", "account", limits=dict(limits, wildcards=True))}
    with open(f"{dir}/operator.conf", "w") as f:
        f.write(f"jetstream: enabled\noperator: {operator.token(operator, 'operator', 'operator')}\n"
                f"system_account: {system.public}\nresolver: MEMORY\nresolver_preload: {{\n")
        for name, token in tokens.items():
            f.write(f"  {name}: {token}\n")
        f.write("}\n")
    token = account.token(user, "user", "user", subs=-1, data=-1, payload=-1)
    with open(os.open(f"{dir}/user.creds", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
        f.write(f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
                f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n")
    for name, text in ("seed", user.seed), ("key", user.public):
        with open(os.open(f"{dir}/{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.write(text + "\n")


main(sys.argv[1])
