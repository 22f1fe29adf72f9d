"""Carries out the schedule, and heals everything afterwards."""

import asyncio
import collections
import contextlib
import random
import signal
import sqlite3
import time

import aio_pika
import psycopg

import processes

#: A queue that takes one message, and makes the broker refuse every other.
FULL = {"x-max-length": 1, "x-overflow": "reject-publish"}


class Saboteur:
    def __init__(self, faults, topology, servers, slack, say):
        self.faults, self.topology, self.servers, self.slack, self.say = faults, topology, servers, slack, say
        self.done = collections.Counter()
        self.void = []  # faults that could not be carried out, and why
        self._locks = collections.defaultdict(asyncio.Lock)

    async def run(self):
        """All faults, each at its time; returns when the last one is over."""
        began = time.monotonic()
        running = set()
        try:
            for fault in self.faults:
                await asyncio.sleep(max(0, began + fault.at - time.monotonic()))
                running.add(asyncio.create_task(self._carry_out(fault)))
            await asyncio.gather(*running)
        finally:
            for task in running:
                task.cancel()

    async def _carry_out(self, fault):
        kind, _, name = fault.target.partition(" ")
        async with self._locks[fault.target]:
            method = getattr(self, f"_{kind}_{fault.action}", None) or getattr(self, f"_{kind}")
            self.say(f"{fault}")
            try:
                await method(fault, name)
                self.done[f"{kind} {fault.action}"] += 1
            except (TimeoutError, OSError, RuntimeError, psycopg.Error, sqlite3.Error, aio_pika.exceptions.AMQPError) as error:
                # The other fault was in the way: a broker that is down cannot be told to block.
                self.void.append(f"{fault}: {type(error).__name__} {str(error)[:100]}")
                self.say(f"void: {self.void[-1]}")

    # MARK: Gateways

    async def _gateway_kill(self, fault, name):
        node = self.topology.nodes[name]
        node.kill()
        await asyncio.sleep(fault.seconds)
        await node.start()

    async def _gateway_restart(self, fault, name):
        node = self.topology.nodes[name]
        await node.terminate()
        await asyncio.sleep(fault.seconds)
        await node.start()

    async def _gateway_pause(self, fault, name):
        node = self.topology.nodes[name]
        node.pause()
        try:
            await asyncio.sleep(fault.seconds)
        finally:
            node.resume()

    # MARK: PostgreSQL

    async def _postgres_kill(self, fault, _):
        await self.servers.kill_postgres()
        await asyncio.sleep(fault.seconds)
        await self.servers.start_postgres()

    async def _postgres_restart(self, fault, _):
        await self.servers.stop_postgres()
        await asyncio.sleep(fault.seconds)
        await self.servers.start_postgres()

    async def _postgres_pause(self, fault, _):
        await self._pause(self.servers.pause_postgres(), fault.seconds)

    async def _postgres_backends(self, fault, _):
        for _ in range(random.Random(fault.seed).randint(1, 3)):
            await self.servers.end_backends(self.topology.database)
            await asyncio.sleep(fault.seconds / 3)

    # MARK: SQLite

    async def _file_lock(self, fault, _):
        """As a backup or somebody's shell does."""
        # Within the gateway's own transactions it waits, like everybody.
        connection = sqlite3.connect(self.topology.file, timeout=5, isolation_level=None, check_same_thread=False)
        try:
            await asyncio.to_thread(connection.execute, "begin immediate")
            await asyncio.sleep(fault.seconds)
        finally:
            connection.close()

    # MARK: RabbitMQ

    async def _rabbitmq_kill(self, fault, _):
        await self.servers.kill_rabbitmq()
        await asyncio.sleep(fault.seconds)
        await self.servers.start_rabbitmq()

    async def _rabbitmq_restart(self, fault, _):
        await self.servers.stop_rabbitmq()
        await asyncio.sleep(fault.seconds)
        await self.servers.start_rabbitmq()

    async def _rabbitmq_pause(self, fault, _):
        await self._pause(self.servers.pause_rabbitmq(), fault.seconds)

    async def _rabbitmq_blocked(self, fault, _):
        await self.servers.watermark(0.00001)
        await asyncio.sleep(fault.seconds)
        await self.servers.watermark(0.4)

    async def _rabbitmq_nacks(self, fault, _):
        async with self.servers.channel() as channel:
            queue = await channel.declare_queue(f"full-{fault.seed}", arguments=FULL, durable=False)
            await queue.bind(self.topology.exchange)
            await asyncio.sleep(fault.seconds)
            await queue.delete(if_unused=False, if_empty=False)

    async def _pause(self, pids, seconds):
        try:
            await asyncio.sleep(seconds)
        finally:
            processes.send(pids, signal.SIGCONT)

    # MARK: Links

    async def _link_cut(self, fault, name):
        rng = random.Random(fault.seed)
        for _ in range(rng.randint(1, 4)):
            self.topology.links[name].cut(rng, abrupt=rng.random() < 0.6)
            await asyncio.sleep(fault.seconds / 4)

    async def _link_lose(self, fault, name):
        rng = random.Random(fault.seed)
        for _ in range(rng.randint(1, 4)):
            self.topology.links[name].lose_answers(abrupt=rng.random() < 0.6)
            await asyncio.sleep(fault.seconds / 4)

    async def _link_stall(self, fault, name):
        link = self.topology.links[name]
        link.stall()
        try:
            await asyncio.sleep(fault.seconds)
        finally:
            link.flow()

    async def _link_refuse(self, fault, name):
        link = self.topology.links[name]
        await link.refuse()
        await asyncio.sleep(fault.seconds)
        await link.open()

    # MARK: Slack

    async def _slack(self, fault, _):
        await self.slack.feel(fault.action)
        await asyncio.sleep(fault.seconds)
        await self.slack.feel("ok")

    # MARK: The end of it

    async def heal(self):
        """Every server, gateway and link as it should be, whatever a fault left."""
        await self.slack.feel("ok")
        for link in self.topology.links.values():
            await link.heal()
        processes.send(self.servers.pause_postgres() + self.servers.pause_rabbitmq(), signal.SIGCONT)
        await self.servers.start_postgres()
        await self.servers.start_rabbitmq()
        await self.servers.watermark(0.4)
        full = [f"full-{fault.seed}" for fault in self.faults if fault.action == "nacks"]
        for queue in full:
            async with self.servers.channel() as channel:
                with contextlib.suppress(aio_pika.exceptions.AMQPError):
                    await channel.queue_delete(queue)
        for node in self.topology.nodes.values():
            node.resume()
            if node.life.end is not None:
                await node.start()
