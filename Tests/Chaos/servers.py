"""A PostgreSQL and a RabbitMQ that only this run knows: those of a `deploy/dev` of its own in a temporary folder."""

import asyncio
import contextlib
import os
import pathlib
import shutil
import signal
from urllib.parse import urlsplit, urlunsplit

import aio_pika
import psycopg

import processes
from gateway import free_port
from services import DEV

APPLICATION = "chaos"


class Servers:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.script = self.folder / "deploy" / "dev"
        self.script.parent.mkdir()
        shutil.copy(DEV, self.script)
        # Away from the ports of every other deploy/dev on this machine, which looks for free ones while ours are down.
        names = ["postgres_port", "broker_port", "distribution_port", "epmd_port"]
        self.env = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **{name: str(free_port()) for name in names}}

    async def _dev(self, *arguments, check=True):
        process = await asyncio.create_subprocess_exec(
            self.script,
            "services",
            *arguments,
            env=self.env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for this program, which then ends them
        )
        try:
            output, _ = await process.communicate()
        except asyncio.CancelledError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
            raise
        if process.returncode and check:
            raise RuntimeError(f"deploy/dev services {arguments}: {output.decode(errors='replace')}")
        return output.decode(errors="replace")

    async def up(self):
        await self._dev("up")
        lines = (self.folder / ".services" / "env").read_text().splitlines()
        values = dict(line.split("=", 1) for line in lines if "=" in line)
        self.database_url, self.broker_url = values["DATABASE_URL"], values["BROKER_URL"]
        self.data = pathlib.Path(values["data"])
        self.postgres_port, self.broker_port = int(values["postgres_port"]), int(values["broker_port"])

    async def down(self, logs=None):
        """Ends them at once, whatever state they are in; `logs`: where to leave what they said."""
        data = (self.folder / ".services" / "data").resolve()
        await processes.kill(processes.inside(data))
        if logs and data.exists():
            for name in ["postgres.log", "rabbitmq/out.log", "rabbitmq/log"]:
                source, target = data / name, pathlib.Path(logs) / name.replace("/", "-")
                with contextlib.suppress(OSError):
                    shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
        await self._dev("down", check=False)

    def _family(self, file):
        with contextlib.suppress(OSError, ValueError, IndexError):
            return processes.family(int((self.data / file).read_text().split()[0]))
        return []

    def _postgres(self):
        return self._family("postgres/postmaster.pid")

    def _rabbitmq(self):
        return self._family("rabbitmq/pid")

    def _epmd(self):
        return self._family("epmd.pid")

    def url(self, kind, port, path):
        url = urlsplit(self.database_url if kind == "db" else self.broker_url)
        login = url.netloc.rpartition("@")[0]
        return urlunsplit(url._replace(netloc=f"{login}@127.0.0.1:{port}", path=path))

    # MARK: PostgreSQL

    @contextlib.asynccontextmanager
    async def sql(self, database="score", seconds=10):
        connection = await psycopg.AsyncConnection.connect(
            self.url("db", self.postgres_port, f"/{database}"),
            autocommit=True,
            connect_timeout=seconds,
            application_name=APPLICATION,
        )
        try:
            yield connection
        finally:
            await connection.close()

    async def kill_postgres(self):
        """As a power cut does: all of its processes."""
        await processes.kill(self._postgres())
        # The next one asks the kernel whether the process of this file is there, and a zombie is: where the first
        # process reaps late, it would not start. All of them are dead, so nobody misses the file.
        (self.data / "postgres" / "postmaster.pid").unlink(missing_ok=True)

    async def stop_postgres(self):
        """Immediate shutdown: what is committed is recovered from the log."""
        pids = self._postgres()
        processes.send(pids[:1], signal.SIGQUIT)
        await processes.gone(pids)

    async def start_postgres(self):
        await self._dev("start", "postgresql")

    def pause_postgres(self):
        paused = self._postgres()
        processes.send(paused, signal.SIGSTOP)
        return paused

    async def end_backends(self, database):
        async with asyncio.timeout(10), self.sql() as connection:
            await connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and application_name <> %s",
                (database, APPLICATION),
            )

    # MARK: RabbitMQ

    @contextlib.asynccontextmanager
    async def channel(self, seconds=10):
        async with asyncio.timeout(seconds):
            connection = await aio_pika.connect(self.broker_url, timeout=seconds)
        try:
            async with asyncio.timeout(seconds):
                channel = await connection.channel()
            yield channel
        finally:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(connection.close(), 5)

    async def kill_rabbitmq(self):
        await processes.kill(self._rabbitmq() + self._epmd())

    async def stop_rabbitmq(self):
        await self._dev("stop", "rabbitmq")

    async def start_rabbitmq(self):
        await self._dev("start", "rabbitmq")

    def pause_rabbitmq(self):
        # Not its port mappers and shells: SIGCONT means something to the shell that it runs below.
        paused = [pid for pid in self._rabbitmq() if "beam" in pathlib.Path(f"/proc/{pid}/comm").read_text()]
        processes.send(paused, signal.SIGSTOP)
        return paused

    async def watermark(self, fraction):
        """Below what it uses, the broker blocks all who publish."""
        await self._dev("rabbitmqctl", "--quiet", "--timeout", "10", "set_vm_memory_high_watermark", str(fraction))
