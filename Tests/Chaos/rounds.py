"""One round: a topology in a database, an exchange and queues of its own, an hour's bad luck in a minute, the proof."""

import asyncio
import collections
import contextlib
import dataclasses
import pathlib
import random
import sqlite3
import time

import verdict
from faults import Saboteur
from gauge import Gauge
from ledger import Ledger, Row
from nodes import Topology, shape
from readers import Bus, Reader
from schedule import plan
from slack import Slack
from slack_account import SlackAccount
from writers import INSISTENCE, PATIENCE, crew

#: How long it may take until all is quiet after the last fault. Slack's back-off reaches a minute.
QUIET = 120.0
#: Of the requests that the writers are to send, as many scores are to be accepted at least.
LEAST_SHARE = 0.25


@dataclasses.dataclass
class Result:
    topology: str
    seed: int
    findings: list
    lines: list  # the report


class Round:
    def __init__(self, servers, topology, seed, seconds, rate, without, folder, say):
        self.servers, self.seed, self.seconds = servers, seed, seconds
        self.rate, self.without, self.say = rate, without, say
        self.folder = pathlib.Path(folder)
        self.ledger, self.account = Ledger(), SlackAccount(hears_broker=topology != "embedded")
        self.name = f"{topology}-{seed}-{time.monotonic_ns() % 1_000_000}"
        self.kind = topology
        self.faults = plan(seed, seconds, shape(topology), slack="slack" not in without)
        # As while Python services still listen, in half of the rounds: a large batch is then some thousand messages.
        self.scores_a_message = random.Random(f"{seed}/messages").choice([1, 256])
        self.bus = None
        self.table = []

    async def run(self):
        self.say(f"round: topology {self.kind}, seed {self.seed}, {self.seconds:.0f} s of load")
        for fault in self.faults:
            self.say(f"  plan {fault}")
        if self.kind != "embedded":
            async with self.servers.sql() as connection:
                await connection.execute(f'create database "{self.name}"')
        async with contextlib.AsyncExitStack() as stack:
            slack = await Slack(self.account).open()
            stack.push_async_callback(slack.close)
            self.topology = Topology(
                self.kind, self.servers, self.name, slack, self.folder, self.ledger, self.scores_a_message
            )
            stack.push_async_callback(self.topology.close)
            if self.kind != "embedded":
                self.bus = Bus(self.servers, self.topology.exchange, f"audit-{self.name}")
                await self.bus.bind()
            await self.topology.open()
            self.gauge = Gauge(self.topology.of_role("scores"))
            stack.push_async_callback(self.gauge.close)
            self.gauge.start()
            readers = self._readers()
            for reader in readers:
                stack.push_async_callback(reader.close)
                reader.start()
            saboteur = Saboteur(self.faults, self.topology, self.servers, slack, self.say)
            await self._load(saboteur)
            quiet = await self._quiet(readers)
            return await self._judge(saboteur, readers, slack, quiet)

    def _readers(self):
        if "feed" in self.without:
            return []
        reporters = self.topology.of_role("reporter")
        direct = [node.port for node in reporters]
        through = [self.topology.front(node).port for node in reporters]
        return [
            Reader("stays", direct, self.ledger, self.seed),
            Reader("stays behind a link", through, self.ledger, self.seed),
            Reader("comes and goes", direct + through, self.ledger, self.seed, restless=True),
        ]

    async def _load(self, saboteur):
        """Writers until the end of the round, faults meanwhile; then all is healed, and the writers end."""
        began = time.monotonic()
        writers = crew(self.topology, self.ledger, self.seed, self.rate, self.without)
        tasks = [asyncio.create_task(writer.run()) for writer in writers]
        try:
            await saboteur.run()
            await asyncio.sleep(max(0, began + self.seconds - 2 - time.monotonic()))
            await saboteur.heal()
            self.say("healed")
            await asyncio.sleep(2)
            for writer in writers:
                writer.stop()
            _, late = await asyncio.wait(tasks, timeout=PATIENCE + INSISTENCE)
            if late:
                self.ledger.incident(f"{len(late)} writers did not end")
        finally:
            for task in tasks:
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(outcome, Exception):
                    raise outcome

    async def _quiet(self, readers):
        """Waits until nothing is missing, or for so long as it may take: the seconds it took, or None."""
        began = time.monotonic()
        for reader in readers:
            reader.settle()
        while True:
            await self._look()
            evidence = await self._evidence(readers)
            names = {row.user for row in self.table}
            missing = {
                "last": sum(len(verdict.missed(self.table, *last)) for last in evidence.last.values()),
                "bus": len(names - set(self.bus.names)) if evidence.bus is not None else 0,
                "feeds": sum(len({row.id for row in self.table} - set(reader.seen)) for reader in readers),
                "slack": self._slack_lacks(names) + evidence.slack_left if evidence.slack else 0,
            }
            if not any(missing.values()):
                return time.monotonic() - began
            if time.monotonic() - began > QUIET:
                self.say(f"not quiet after {QUIET:.0f} s, missing: {missing}")
                return None
            await asyncio.sleep(1)

    def _slack_lacks(self, names):
        """How many scores Slack has not been told of for certain."""
        if self.account.hears_broker:
            return len(names - self.account.acknowledged)
        return max(0, len(names) - self.account.covered)

    async def _look(self):
        if self.bus is None:
            self.table = await asyncio.to_thread(self._file_rows)
            return
        async with self.servers.sql(self.name) as connection:
            cursor = await connection.execute(
                'select id, "user", score, extract(epoch from created_at)::float from "Score" order by id'
            )
            self.table = [Row(*row) for row in await cursor.fetchall()]
        await self.bus.drain()

    def _file_rows(self):
        with contextlib.closing(sqlite3.connect(self.topology.file, timeout=10)) as connection:
            connection.execute("pragma query_only = 1")
            rows = connection.execute('select id, "user", score, created_at / 1e6 from "Score" order by id')
            return [Row(*row) for row in rows]

    async def _evidence(self, readers):
        with_slack = "slack" not in self.without
        return verdict.Evidence(
            writes=self.ledger.writes,
            table=self.table,
            bus=None if "bus" in self.without or self.bus is None else self.bus.names,
            feeds={reader.name: reader.seen for reader in readers},
            last={reader.name: (reader.opened_at, reader.came) for reader in readers if reader.opened_at},
            slack=self.account if with_slack else None,
            # Most of a round nothing stands between a writer and some gateway.
            least_accepted=int(self.rate * self.seconds * LEAST_SHARE),
            incidents=self.ledger.incidents,
            slack_left=await self.bus.depth(self.topology.queue) if with_slack and self.bus else 0,
        )

    async def _judge(self, saboteur, readers, slack, quiet):
        # A last look, after what may still have been on its way: a double, or a write that nobody was told of.
        await asyncio.sleep(1)
        for node in self.topology.nodes.values():
            await node.terminate()
        await self._look()
        for node in self.topology.nodes.values():
            self.ledger.incidents += node.crash_reports()
        self.ledger.incidents += self.ledger.left_unanswered()
        self.ledger.incidents += [fault for link in self.topology.links.values() for fault in link.faults]
        if quiet is None:
            self.ledger.incident(f"not quiet {QUIET:.0f} s after the last fault")
        if len(saboteur.void) * 3 > len(self.faults):
            self.ledger.incident(f"{len(saboteur.void)} of {len(self.faults)} faults could not be carried out")
        findings = verdict.judge(await self._evidence(readers))
        answers = ", ".join(f"{what} {number}" for what, number in sorted(self.ledger.answers.items()))
        published = self.bus.names if self.bus else collections.Counter()
        doubles = sum(published.values()) - len(published)
        lines = [
            f"requests         {answers}",
            f"scores           {self.ledger.stored} accepted, {len(self.table)} stored",
            f"faults           {', '.join(f'{kind} {number}' for kind, number in sorted(saboteur.done.items()))}",
            f"cuts             {sum(link.cuts for link in self.topology.links.values())}",
            f"void             {len(saboteur.void)} faults that another one prevented",
            f"bus              {doubles} published again, {self.scores_a_message} a message at most, "
            f"{self.gauge.most} held{': a full confirm window' if self.gauge.was_full else ''}",
            *(f"feed             {reader.name}: {reader.connections} connections" for reader in readers),
            f"slack            {len(self.account.posts)} posts ({slack.counts}), {self.account.covered} scores counted",
            f"quiet after      {f'{quiet:.0f} s' if quiet is not None else 'never'}",
        ]
        return Result(self.kind, self.seed, findings, lines)
