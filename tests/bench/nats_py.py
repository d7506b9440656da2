# SPDX-License-Identifier: Apache-2.0
"""nats.py moves one object: nats_py.py URL BUCKET put NAME FILE | get NAME. Prints the seconds."""
import asyncio
import sys
import time

import nats


async def main():
    url, bucket, verb, name = sys.argv[1:5]
    connection = await nats.connect(url)
    store = await connection.jetstream(timeout=120).object_store(bucket)
    start = time.monotonic()
    if verb == "put":
        with open(sys.argv[5], "rb") as f:
            await store.put(name, f)
    else:
        with open("/dev/null", "wb") as f:
            await store.get(name, writeinto=f)
    print(time.monotonic() - start)
    await connection.close()


asyncio.run(main())
