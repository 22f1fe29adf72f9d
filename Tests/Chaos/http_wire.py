"""HTTP/1.1 as far as writers and the stand-in for Slack need it, with the ends of a broken connection kept apart."""

import asyncio
import dataclasses
import time


class NotSent(Exception):
    """Nobody was there: the request never left."""


class NoAnswer(Exception):
    """The request was sent, at least in part, and no status line came back."""


class CutShort(Exception):
    """An answer began and did not end."""

    def __init__(self, status):
        super().__init__(f"an answer was cut short, status {status}")
        self.status = status  # None: not even the status line came whole


class Hung(Exception):
    """No answer within the patience of a client."""


@dataclasses.dataclass
class Message:
    start: str
    fields: dict  # names in lower case
    body: bytes

    @property
    def status(self):
        return int(self.start.split()[1])


async def read_message(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    return Message(head[0], fields, await reader.readexactly(int(fields.get("content-length", 0))))


class Client:
    """One keep-alive connection, made when it is needed. `port()` says where to, at that moment."""

    def __init__(self, patience):
        self.patience = patience
        self._reader = self._writer = None
        self.port = None
        self.opened_at = None

    def close(self):
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    async def _connect(self, port):
        if self._writer is not None and (self.port != port or self._reader.at_eof() or self._writer.is_closing()):
            self.close()
        if self._writer is None:
            try:
                self._reader, self._writer = await asyncio.wait_for(
                    asyncio.open_connection("127.0.0.1", port, limit=1 << 20), self.patience
                )
            except (OSError, TimeoutError):
                raise NotSent from None
            self.port, self.opened_at = port, time.monotonic()

    async def post(self, port, path, body, fields=()):
        await self._connect(port)
        head = [f"POST {path} HTTP/1.1", "Host: scores.test", f"Content-Length: {len(body)}", *fields]
        try:
            async with asyncio.timeout(self.patience):
                return await self._exchange("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        except TimeoutError:
            self.close()
            raise Hung from None
        except BaseException:
            self.close()
            raise

    async def _exchange(self, request):
        first = b""
        # An answer may come before all of the body has left, and is to be read even if the rest cannot be sent.
        sending = asyncio.create_task(self._send(request))
        try:
            first = await self._reader.readuntil(b"\r\n")
            rest = await read_message(_Behind(self._reader))
        except asyncio.IncompleteReadError as error:
            raise self._broken(first or error.partial) from None
        except OSError:
            raise self._broken(first) from None
        finally:
            sending.cancel()
            await asyncio.wait([sending])
        message = Message(first.decode("latin-1").strip(), rest.fields, rest.body)
        if message.fields.get("connection", "").lower() == "close":
            self.close()
        return message

    async def _send(self, request):
        try:
            self._writer.write(request)
            await self._writer.drain()
        except OSError:
            pass  # what matters is whether an answer comes

    @staticmethod
    def _broken(start):
        if not start:
            return NoAnswer()
        parts = start.split()
        whole = start.endswith(b"\r\n") and len(parts) > 1
        return CutShort(int(parts[1]) if whole else None)


class _Behind:
    """The rest of a message whose first line was read already."""

    def __init__(self, reader):
        self._reader = reader
        self.readexactly = reader.readexactly

    async def readuntil(self, end):
        lines = [b""]
        while (line := await self._reader.readuntil(b"\r\n")) != b"\r\n":
            lines.append(line.rstrip(b"\r\n"))
        return b"\r\n".join(lines) + end
