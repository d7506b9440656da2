# SPDX-License-Identifier: Apache-2.0
"""Driver for FastStream: its object watch handler gets a name for each new object, and reads it.

Only `watch` and `seen` are its own; the answer to `seen` has the SHA-256 of what the handler got."""
import asyncio
import hashlib
import json
import sys

from faststream.nats import NatsBroker, ObjWatch
from faststream.nats.annotations import ObjectStorage

broker = NatsBroker(sys.argv[1], logger=None)
seen = []


@broker.subscriber(sys.argv[2], obj_watch=ObjWatch(declare=False, ignore_deletes=True))
async def on_object(name: str, store: ObjectStorage):
    content = await store.get(name)
    seen.append([name, hashlib.sha256(content.data).hexdigest()])


async def main():
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        command = line.decode().split("\t")[0].strip()
        try:
            if command == "watch":
                await broker.start()
                answer = "ok"
            elif command == "seen":
                answer = f"ok {json.dumps(seen)}"
            else:
                answer = "unsupported it is nats.py beneath"
        except Exception as e:
            answer = f"error {type(e).__name__}: {e}".replace("\n", " ")
        print(answer, flush=True)
    await broker.stop()


asyncio.run(main())
