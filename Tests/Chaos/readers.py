"""The readers: WebSocket clients that resume after what they saw, and the queue that hears everything."""

import asyncio
import collections
import contextlib
import json
import random
import time

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

import aio_pika
from tap import names_of


class Reader:
    """Reads the feed from before the first score on: what it saw, by id. Comes back with `after` when it is cut off.

    `addresses()` are the ports it may connect to. A `restless` one leaves by itself now and then.
    """

    def __init__(self, name, addresses, ledger, seed, restless=False):
        self.name, self.addresses, self.ledger, self.restless = name, addresses, ledger, restless
        self.rng = random.Random(f"{seed}/{name}")
        self.seen = {}
        self.highest = 0
        self.connections = 0
        #: The present connection: when it was opened, and what came on it.
        self.opened_at, self.came = None, set()
        self._task = None

    def start(self):
        self._task = asyncio.create_task(self._run())

    async def _run(self):
        while True:
            port = self.rng.choice(self.addresses)
            url = f"ws://127.0.0.1:{port}/ws/{self.connections}?after={self.highest}"
            with contextlib.suppress(OSError, WebSocketException, TimeoutError, EOFError):
                # A peer that is paused or held back is not gone: it is waited for, as a browser does.
                async with connect(url, open_timeout=5, close_timeout=1, ping_interval=None, max_size=None) as socket:
                    self.connections += 1
                    self.opened_at, self.came = time.time(), set()
                    await self._read(socket)
            await asyncio.sleep(self.rng.uniform(0.05, 0.4))

    async def _read(self, socket):
        leaves = self.rng.uniform(0.2, 5) if self.restless else None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(leaves):
                async for message in socket:
                    self._take(json.loads(message))

    def _take(self, score):
        id, told = score["id"], (score["user"], score["score"])
        if self.seen.setdefault(id, told) != told:
            self.ledger.incident(f"feed {self.name}: id {id} is {self.seen[id]} and {told}")
        self.came.add(id)
        self.highest = max(self.highest, id)

    def settle(self):
        """From now on it stays."""
        self.restless = False

    async def close(self):
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])


class Bus:
    """A durable queue of our own on the exchange, bound before the first score, read when all is quiet."""

    def __init__(self, servers, exchange, queue):
        self.servers, self.exchange, self.queue = servers, exchange, queue
        self.names = collections.Counter()

    async def bind(self):
        async with self.servers.channel() as channel:
            exchange = await channel.declare_exchange(self.exchange, aio_pika.ExchangeType.FANOUT, durable=True)
            queue = await channel.declare_queue(self.queue, durable=True)
            await queue.bind(exchange)

    async def drain(self):
        """What came since the last time."""
        async with asyncio.timeout(60), self.servers.channel() as channel:
            queue = await channel.declare_queue(self.queue, passive=True)
            left = queue.declaration_result.message_count
            if not left:
                return
            done = asyncio.Event()

            async def take(message):
                nonlocal left
                self.names.update(names_of(message.body))
                left -= 1
                if left <= 0:
                    done.set()

            tag = await queue.consume(take, no_ack=True)
            await done.wait()
            await queue.cancel(tag)

    async def depth(self, queue):
        """Messages that wait in a queue."""
        async with self.servers.channel() as channel:
            return (await channel.declare_queue(queue, passive=True)).declaration_result.message_count
