"""The gateways of a topology, the links that they reach their servers through, and what became of each process."""

import asyncio
import dataclasses
import re
import signal
import time

import processes
from gateway import Gateway, free_port
from link import Link
from tap import AMQPTap

#: Which gateways there are, and their roles.
TOPOLOGIES = {
    "all": {"all-0": "all"},
    # The same without servers: an SQLite file, and the bus in the process.
    "embedded": {"all-0": "all"},
    "roles": {
        "scores-0": "scores",
        "scores-1": "scores",
        "reporter-0": "reporter",
        "reporter-1": "reporter",
        "poster-0": "poster",
        "poster-1": "poster",
    },
}
#: What each role talks through that can be cut.
LINKS = {
    "all": ["db", "broker", "front"],
    "scores": ["db", "broker", "front"],
    "reporter": ["broker", "front"],
    "poster": ["broker"],
}
SHUTDOWN_TIMEOUT = 10
#: What the runtime, the C library, a sanitizer and the backtracer write; a masked secret in a line of ours is ***, too.
CRASH = re.compile(r"^\*\*\* |Fatal error|Sanitizer|Program crashed|Backtrace took")
#: Beyond it, on a machine that has other things to do.
SHUTDOWN_GRACE = 20


def links(topology, role):
    return ["front"] if topology == "embedded" else LINKS[role]


def shape(topology):
    """The nodes as the schedule wants them."""
    return {name: (role, links(topology, role)) for name, role in TOPOLOGIES[topology].items()}


@dataclasses.dataclass
class Life:
    """One process of a node, from its start to its end."""

    gateway: Gateway
    began: float
    end: str | None = None  # killed, terminated, crashed
    terminated_at: float | None = None
    ended_at: float | None = None
    paused: bool = False  # ever


class Node:
    def __init__(self, name, role, env, folder, ledger):
        self.name, self.role, self.env, self.folder, self.ledger = name, role, env, folder, ledger
        self.port = int(env["PORT"])
        self.lives = []
        self._watch = None

    @property
    def life(self):
        return self.lives[-1]

    async def start(self):
        life = Life(Gateway(self.env, self.folder), time.monotonic())
        self.lives.append(life)
        try:
            # It answers as soon as it runs, whatever is missing around it.
            await asyncio.to_thread(life.gateway.start, False)
        except AssertionError as error:
            if life.end is None:
                life.end = "crashed"
                self.ledger.incident(f"{self.name} did not start: {str(error)[:2000]}")
            await asyncio.to_thread(life.gateway.kill)

    def watch(self):
        """Notices an end that nobody asked for, and starts it again."""

        async def look():
            while True:
                await asyncio.sleep(0.1)
                process = self.life.gateway.process
                if self.life.end is None and process is not None and process.poll() is not None:
                    self.life.end = "crashed"
                    self.ledger.incident(f"{self.name} ended by itself with {process.returncode}: {self._tail()}")
                    await self.start()

        self._watch = asyncio.create_task(look())

    def _tail(self):
        return " / ".join(self.life.gateway.log.splitlines()[-3:])

    def kill(self):
        """kill -9. Also what ends all of them at last."""
        life = self.life
        life.end = life.end or "killed"
        if life.gateway.process is not None:
            life.gateway.kill()
        life.ended_at = time.monotonic()

    async def terminate(self):
        """SIGTERM, and exit code 0 in time."""
        life = self.life
        if life.end is not None:
            return
        life.end, life.terminated_at = "terminated", time.monotonic()
        life.gateway.signal()
        try:
            async with asyncio.timeout(SHUTDOWN_TIMEOUT + SHUTDOWN_GRACE):
                while life.gateway.process.poll() is None:
                    await asyncio.sleep(0.02)
        except TimeoutError:
            self.ledger.incident(f"{self.name} does not end at SIGTERM: {self._tail()}")
            life.gateway.kill()
        life.ended_at = time.monotonic()
        if life.gateway.process.returncode not in (0, -signal.SIGKILL):
            self.ledger.incident(
                f"{self.name} ended with {life.gateway.process.returncode} at SIGTERM: {self._tail()}"
            )

    def pause(self):
        self.life.paused = True
        self.life.gateway.signal(signal.SIGSTOP)

    def resume(self):
        if processes.alive(self.life.gateway.process.pid):
            self.life.gateway.signal(signal.SIGCONT)

    def life_at(self, moment):
        """The process that had the port then."""
        return next((life for life in reversed(self.lives) if life.began <= moment), self.lives[0])

    def close(self):
        if self._watch:
            self._watch.cancel()
        if self.lives:
            self.kill()

    def crash_reports(self):
        for life in self.lives:
            for line in life.gateway.log.splitlines():
                if CRASH.search(line):
                    yield f"{self.name}: {line[:300]}"


class Topology:
    """Nodes and links of one round, in their own database, exchange and queue."""

    def __init__(self, kind, servers, name, slack, folder, ledger, scores_a_message):
        self.nodes, self.links, self.kind = {}, {}, kind
        self.database, self.exchange, self.queue = name, f"scores-{name}", f"poster-{name}"
        self.file = folder / "scores.sqlite" if kind == "embedded" else None
        ports = {node: free_port() for node in TOPOLOGIES[kind]}
        for node, role in TOPOLOGIES[kind].items():
            for link in links(kind, role):
                target = {"db": servers.postgres_port, "broker": servers.broker_port, "front": ports[node]}[link]
                tap = None
                if link == "broker" and role in ("all", "poster"):
                    tap = lambda node=node: AMQPTap(slack.account, node, self.queue)  # noqa: E731
                self.links[f"{node}/{link}"] = Link(f"{node}/{link}", target, tap)
            env = {
                "ROLE": role,
                "PORT": str(ports[node]),
                "REACTORS": "1" if role == "poster" else "2",
                "SHUTDOWN_TIMEOUT": str(SHUTDOWN_TIMEOUT),
                "BROKER_MAX_BATCH": str(scores_a_message),
            }
            if self.file:
                env["SCORES_FILE"] = str(self.file)
            if "broker" in links(kind, role):
                env["BROKER_URL"] = servers.url("broker", self.links[f"{node}/broker"].port, "/")
                env["BROKER_EXCHANGE"] = self.exchange
            if "db" in links(kind, role):
                env["DATABASE_URL"] = servers.url("db", self.links[f"{node}/db"].port, f"/{self.database}")
            if role in ("all", "poster"):
                env |= {"POSTER_QUEUE": self.queue, **slack.env(node)}
            if role == "reporter":
                scores = f"scores-{node.rpartition('-')[2]}"
                env["SCORES_API"] = f"http://127.0.0.1:{self.links[f'{scores}/front'].port}"
            self.nodes[node] = Node(node, role, env, folder, ledger)

    def of_role(self, role):
        return [node for node in self.nodes.values() if node.role in ("all", role)]

    def front(self, node):
        return self.links[f"{node.name}/front"]

    async def open(self):
        for link in self.links.values():
            await link.open()
        await asyncio.gather(*(node.start() for node in self.nodes.values()))
        for node in self.nodes.values():
            await asyncio.to_thread(node.life.gateway.wait_for, "/readiness")
            node.watch()

    async def close(self):
        for node in self.nodes.values():
            node.close()
        for link in self.links.values():
            await link.close()
