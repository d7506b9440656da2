# SPDX-License-Identifier: Apache-2.0
"""Key-value buckets by nats.py, for its driver."""
from nats.js.api import KeyValueConfig


class KvClient:
    def __init__(self, js):
        self.js = js

    async def make(self, bucket, history):
        self.kv = await self.js.create_key_value(KeyValueConfig(bucket=bucket, history=int(history)))

    async def put(self, key, path):
        with open(path, "rb") as f:
            await self.kv.put(key, f.read())

    async def create(self, key, path):
        with open(path, "rb") as f:
            await self.kv.create(key, f.read())

    async def update(self, key, path, revision):
        with open(path, "rb") as f:
            await self.kv.update(key, f.read(), int(revision))

    async def get(self, key, path):
        entry = await self.kv.get(key)
        with open(path, "wb") as f:
            f.write(entry.value or b"")

    async def revision(self, key):
        return (await self.kv.get(key)).revision

    async def delete(self, key):
        await self.kv.delete(key)

    async def keys(self):
        return await self.kv.keys()

    async def history(self, key):
        return [[e.revision, e.operation in ("DEL", "PURGE")] for e in await self.kv.history(key)]
