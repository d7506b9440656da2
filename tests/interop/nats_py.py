# SPDX-License-Identifier: Apache-2.0
"""Driver for nats.py: URL and bucket as arguments, commands on stdin, one answer line each."""
import asyncio
import sys

import nats


async def run(store, command, words):
    if command == "put":
        with open(words[1], "rb") as f:
            await store.put(words[0], f)
    elif command == "get":
        with open(words[1], "wb") as f:
            await store.get(words[0], writeinto=f)
    elif command == "delete":
        await store.delete(words[0])
    else:
        # rename: its update_meta refuses every new name, because it looks up the old one instead.
        return "unsupported"
    return "ok"


async def main():
    nc = await nats.connect(sys.argv[1], allow_reconnect=False)
    store = await nc.jetstream().object_store(sys.argv[2])
    for line in sys.stdin:
        words = line.rstrip("\n").split("\t")
        try:
            answer = await run(store, words[0], words[1:])
        except Exception as e:
            answer = f"error {type(e).__name__}: {e}"
        print(answer, flush=True)
    await nc.close()


asyncio.run(main())
