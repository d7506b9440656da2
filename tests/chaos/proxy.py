# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy that delays, stalls and cuts, so that one host of several has a bad network.

As a program: proxy.py TARGET_PORT [CONTROL_FILE] prints its port and obeys the last line of the
file: "pass", "stall" or "cut" (no connection lives or is accepted while it says so).
"""
import asyncio
import os
import random
import sys


class Proxy:
    def __init__(self, target_port, delay=0.0):
        self.target_port = target_port
        self.delay = delay
        self.flows = asyncio.Event()
        self.flows.set()
        self.is_cut = False
        self.writers = set()

    async def start(self):
        self.server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]

    def stall(self, is_stalled):
        if is_stalled:
            self.flows.clear()
        else:
            self.flows.set()

    def cut(self, is_cut):
        self.is_cut = is_cut
        if is_cut:
            for writer in list(self.writers):
                writer.transport.abort()

    async def _accept(self, reader, writer):
        if self.is_cut:
            writer.transport.abort()
            return
        try:
            to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            writer.transport.abort()
            return
        self.writers |= {writer, to_writer}
        try:
            await asyncio.gather(self._pump(reader, to_writer), self._pump(to_reader, writer))
        except asyncio.CancelledError:
            pass
        self.writers -= {writer, to_writer}

    async def _pump(self, reader, writer):
        try:
            while data := await reader.read(1 << 16):
                if self.delay:
                    await asyncio.sleep(random.random() * 2 * self.delay)
                await self.flows.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


async def main():
    proxy = Proxy(int(sys.argv[1]))
    await proxy.start()
    print(proxy.port, flush=True)
    parent = os.getppid()
    while os.getppid() == parent:
        words = []
        if len(sys.argv) > 2 and os.path.exists(sys.argv[2]):
            with open(sys.argv[2], encoding="ascii") as control:
                words = control.read().split()
        word = words[-1] if words else "pass"
        proxy.stall(word == "stall")
        if proxy.is_cut != (word == "cut"):
            proxy.cut(word == "cut")
        await asyncio.sleep(0.02)


if __name__ == "__main__":
    asyncio.run(main())
