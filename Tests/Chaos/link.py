"""A TCP proxy that can do what networks do: cut, hold bytes back, lose an answer, refuse connections."""

import asyncio
import contextlib
import socket
import struct

from gateway import free_port

CHUNK = 64 * 1024


class Passage:
    """One connection through a link."""

    def __init__(self, link, client, server):
        self.link, self.client, self.server = link, client, server  # (reader, writer) each
        self.tap = link.make_tap() if link.make_tap else None
        self.fuse = None  # bytes until it is cut
        self.burns = None  # the direction that they are counted in
        self.loses_answer = False
        self.flows = link.flows
        self.abrupt = True
        self.tasks = []

    async def run(self):
        self.tasks = [
            asyncio.create_task(self._pump(self.client[0], self.server[1], True)),
            asyncio.create_task(self._pump(self.server[0], self.client[1], False)),
        ]
        try:
            await asyncio.wait(self.tasks, return_when=asyncio.FIRST_COMPLETED)
            # The other direction gets what is on the way, not more.
            await asyncio.wait(self.tasks, timeout=0.05)
        finally:
            for task in self.tasks:
                task.cancel()
            for task in self.tasks:
                with contextlib.suppress(asyncio.CancelledError, OSError):
                    await task
            for _, writer in (self.client, self.server):
                writer.close()

    async def _pump(self, reader, writer, up):
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                await self.flows.wait()
                if self.loses_answer and not up:
                    # The request has left already; so may others that are on the way.
                    await asyncio.sleep(0.01)
                    self.cut()
                    return
                if self.fuse is not None and self.burns == up:
                    data, self.fuse = data[: self.fuse], max(0, self.fuse - len(data))
                if data:
                    if self.tap:
                        (self.tap.upstream if up else self.tap.downstream)(data)
                    writer.write(data)
                    await writer.drain()
                if self.fuse == 0 and self.burns == up:
                    await asyncio.sleep(0)
                    self.cut()
                    return

    def cut(self):
        """RST to both sides, or FIN."""
        self.link.cuts += 1
        for _, writer in (self.client, self.server):
            if self.abrupt:
                raw = writer.get_extra_info("socket")
                with contextlib.suppress(OSError):
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            else:
                writer.close()


class Link:
    """127.0.0.1:`port` → 127.0.0.1:`target`."""

    def __init__(self, name, target, make_tap=None):
        self.name, self.target, self.make_tap = name, target, make_tap
        self.port = free_port()
        self.flows = asyncio.Event()
        self.flows.set()
        self.passages = set()
        self.cuts = 0
        self.faults = []  # of our own: what the tap could not read
        self._server = None
        self._tasks = set()

    async def open(self):
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, limit=CHUNK)
        return self

    async def _accept(self, reader, writer):
        self._tasks.add(asyncio.current_task())
        passage = None
        try:
            server = await asyncio.open_connection("127.0.0.1", self.target, limit=CHUNK)
            passage = Passage(self, (reader, writer), server)
            self.passages.add(passage)
            await passage.run()
        except OSError:
            writer.close()
        except Exception as error:  # of the tap, which reads what passes
            self.faults.append(f"link {self.name}: {type(error).__name__} {error}")
            writer.close()
        except asyncio.CancelledError:
            writer.close()  # the end of the link, which waits for this
        finally:
            self.passages.discard(passage)
            self._tasks.discard(asyncio.current_task())

    # What can go wrong

    def cut(self, rng, abrupt):
        """Each connection ends after a few more bytes in one direction: in the middle of a frame, mostly."""
        for passage in list(self.passages):
            passage.abrupt = abrupt
            if rng.random() < 0.3:
                passage.cut()
            else:
                passage.fuse, passage.burns = rng.randrange(1, 400), rng.random() < 0.5

    def lose_answers(self, abrupt):
        """Each connection that is open goes on until something is answered, and then ends without that."""
        for passage in list(self.passages):
            passage.abrupt, passage.loses_answer = abrupt, True

    def forget(self):
        """Of what is open nothing passes any more, and nobody is told, as with a firewall that began anew."""
        for passage in list(self.passages):
            passage.flows = asyncio.Event()

    def stall(self):
        self.flows.clear()

    def flow(self):
        self.flows.set()

    async def refuse(self):
        """No new connections; those that are open end."""
        await self._stop_listening()
        for passage in list(self.passages):
            passage.cut()

    async def heal(self):
        self.flow()
        await self.open()

    async def _stop_listening(self):
        if self._server is not None:
            self._server.close()
            self._server = None
            await asyncio.sleep(0)

    async def close(self):
        await self._stop_listening()
        for passage in list(self.passages):
            passage.cut()
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2)
