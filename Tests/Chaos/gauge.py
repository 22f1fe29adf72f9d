"""Watches how much the gateways hold for the broker: whether their confirm windows were ever full."""

import asyncio
import contextlib

from http_wire import read_message

METRIC = b"score_gateway_messages_unconfirmed "
#: What the broker may leave unconfirmed on one connection (Sources/AMQP/Limits.swift, confirmWindow). A gateway that
#: holds more than two of it for its two reactors has filled one at least.
WINDOW = 1000


class Gauge:
    def __init__(self, nodes):
        self.nodes = nodes
        self.most = 0
        self._task = None

    def start(self):
        self._task = asyncio.create_task(self._run())

    async def _run(self):
        while True:
            for node in self.nodes:
                # It may be paused, or gone.
                with contextlib.suppress(OSError, asyncio.IncompleteReadError, TimeoutError, ValueError):
                    async with asyncio.timeout(1):
                        self.most = max(self.most, await self._read(node.port))
            await asyncio.sleep(0.3)

    async def _read(self, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            page = (await read_message(reader)).body
            return next(int(line.split()[1]) for line in page.splitlines() if line.startswith(METRIC))
        finally:
            writer.close()

    @property
    def was_full(self):
        return self.most > 2 * WINDOW

    async def close(self):
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
