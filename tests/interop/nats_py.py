# SPDX-License-Identifier: Apache-2.0
"""Driver for nats.py; see README.md."""
import asyncio
import io
import json
import sys

import nats
from nats.js.api import ObjectMeta

from kv_nats_py import KvClient


class Pieces(io.RawIOBase):
    """A file that returns less than it is asked for, as a pipe does."""

    def __init__(self, path):
        self.file = open(path, "rb")

    def readable(self):
        return True

    def readinto(self, buffer):
        return self.file.readinto(memoryview(buffer)[:50000])


class Client:
    def __init__(self, store):
        self.store = store
        self.seen = []

    async def put(self, name, path):
        with open(path, "rb") as f:
            await self.store.put(name, f)

    async def pipe(self, name, path):
        with Pieces(path) as f:
            await self.store.put(name, f)

    async def get(self, name, path):
        # Its writeinto is not handed on to the target of a link.
        result = await self.store.get(name)
        with open(path, "wb") as f:
            f.write(result.data)

    async def info(self, name):
        info = await self.store.get_info(name)
        return {"size": info.size, "chunks": info.chunks, "description": info.description}

    async def list(self):
        return [o.name for o in await self.store.list() if not o.deleted]

    async def delete(self, name):
        await self.store.delete(name)

    async def describe(self, name, text):
        await self.store.update_meta(name, ObjectMeta(name=name, description=text))

    async def watch(self):
        watcher = await self.store.watch(ignore_deletes=False)
        started = asyncio.Event()

        async def follow():
            is_new = False
            while True:
                info = await watcher._updates.get()
                if info is None:
                    is_new = True
                    started.set()
                elif is_new:
                    self.seen.append([info.name, bool(info.deleted)])

        self.follower = asyncio.create_task(follow())
        await started.wait()

    async def answer_seen(self):
        return self.seen


UNSUPPORTED = {
    "rename": "its update_meta refuses every new name, because it looks up the old one instead",
    "link": "it cannot make links",
}


async def lines():
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield line.decode().rstrip("\n").split("\t")


async def main():
    nc = await nats.connect(sys.argv[1], allow_reconnect=False)
    client = Client(await nc.jetstream().object_store(sys.argv[2]))
    kv = KvClient(nc.jetstream())
    async for command, *words in lines():
        try:
            if command in UNSUPPORTED:
                answer = f"unsupported {UNSUPPORTED[command]}"
            else:
                if command.startswith("kv-"):
                    run = getattr(kv, command[3:])
                else:
                    run = client.answer_seen if command == "seen" else getattr(client, command)
                result = await asyncio.wait_for(run(*words), 60)
                answer = "ok" if result is None else f"ok {json.dumps(result)}"
        except Exception as e:  # whatever goes wrong is the answer
            answer = f"error {type(e).__name__}: {e}".replace("\n", " ")
        print(answer, flush=True)
    await nc.close()


asyncio.run(main())
