# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy that delays, stalls and cuts, so that one host of several has a bad network.

As a program: proxy.py TARGET_PORT [CONTROL_FILE [DELAY_MS [LOSS_PERCENT [ADDRESS]]]] listens at ADDRESS,
127.0.0.1 if none is given, prints its port and obeys the last line of the file: "pass", "stall",
"deaf" (nothing comes back) or "cut" (no connection lives or is accepted while it says so). What is read at a time is delivered after
DELAY_MS on the average, and LOSS_PERCENT of it as TCP delivers what was lost on the way: a
retransmission time-out later, and what follows behind it.
"""
import asyncio
import os
import random
import sys


RETRANSMISSION = 0.2


class Proxy:
    def __init__(self, target_port, delay=0.0, loss=0.0, address="127.0.0.1"):
        self.target_port = target_port
        self.address = address
        self.delay = delay
        self.loss = loss
        self.flows = asyncio.Event()
        self.flows.set()
        self.flows_back = asyncio.Event()
        self.flows_back.set()
        self.is_cut = False
        self.writers = set()

    async def start(self):
        self.server = await asyncio.start_server(self._accept, self.address, 0)
        self.port = self.server.sockets[0].getsockname()[1]

    def stall(self, is_stalled, is_deaf):
        for event, is_stopped in ((self.flows, is_stalled), (self.flows_back, is_stalled or is_deaf)):
            if is_stopped:
                event.clear()
            else:
                event.set()

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
            await asyncio.gather(self._pump(reader, to_writer, self.flows),
                                 self._pump(to_reader, writer, self.flows_back))
        except asyncio.CancelledError:
            pass
        self.writers -= {writer, to_writer}

    def _late(self):
        return random.random() * 2 * self.delay + (RETRANSMISSION if random.random() < self.loss else 0)

    async def _pump(self, reader, writer, flows):
        on_the_way = asyncio.Queue(64)
        sender = asyncio.ensure_future(self._deliver(on_the_way, writer, flows))
        due = 0.0
        try:
            while data := await reader.read(1 << 16):
                due = max(due, asyncio.get_running_loop().time() + self._late())
                await on_the_way.put((due, data))
        except OSError:
            pass
        finally:
            await on_the_way.put((due, b""))
            await sender

    async def _deliver(self, on_the_way, writer, flows):
        try:
            while True:
                due, data = await on_the_way.get()
                await asyncio.sleep(max(0, due - asyncio.get_running_loop().time()))
                await flows.wait()
                if not data:
                    break
                writer.write(data)
                await writer.drain()
        except OSError:
            while data:
                _, data = await on_the_way.get()
        finally:
            writer.close()


async def main():
    delay, loss = (float(arg) for arg in (sys.argv[3:] + ["0", "0"])[:2])
    proxy = Proxy(int(sys.argv[1]), delay / 1000, loss / 100, *sys.argv[5:6])
    await proxy.start()
    print(proxy.port, flush=True)
    parent = os.getppid()
    while os.getppid() == parent:
        words = []
        if len(sys.argv) > 2 and os.path.exists(sys.argv[2]):
            with open(sys.argv[2], encoding="ascii") as control:
                words = control.read().split()
        word = words[-1] if words else "pass"
        proxy.stall(word == "stall", word == "deaf")
        if proxy.is_cut != (word == "cut"):
            proxy.cut(word == "cut")
        await asyncio.sleep(0.02)


if __name__ == "__main__":
    asyncio.run(main())
