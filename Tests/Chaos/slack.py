"""Slack in all its moods. Which gateway posts is in the path: /NODE/api/chat.postMessage.

On the loop of everything else, unlike the stand-in of the integration tests: whether an ok left before the poster
acknowledged something is decided by one order of events.
"""

import asyncio
import contextlib
import json
import time

from http_wire import read_message

OK = (200, {}, b'{"ok":true,"ts":"1.2"}')
ANSWERS = {
    "ok": OK,
    "429": (429, {"Retry-After": "1"}, b'{"ok":false,"error":"ratelimited"}'),
    "500": (500, {}, b"oops"),
    "not-ok": (200, {}, b'{"ok":false,"error":"internal_error"}'),
    "refused": (200, {}, b'{"ok":false,"error":"channel_not_found"}'),
    "garbage": (200, {"Content-Type": "text/html"}, b"<html>login, please</html>"),
}


class Slack:
    """`mood`: a key of ANSWERS, or silent, closing, withheld (takes it and closes), half (takes it, half an ok)."""

    def __init__(self, account):
        self.account = account
        self.mood = "ok"
        self.counts = {}
        self._server = None
        self._tasks = set()
        self._moods = asyncio.Condition()

    async def open(self):
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def env(self, node):
        return {
            "SLACK_API_URL": f"http://127.0.0.1:{self.port}/{node}/api",
            "SLACK_API_TOKEN": "xoxb-test-token",
            "SLACK_CHANNEL": "#scores",
        }

    async def feel(self, mood):
        async with self._moods:
            self.mood = mood
            self._moods.notify_all()

    async def _accept(self, reader, writer):
        self._tasks.add(asyncio.current_task())
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                while await self._answer(await read_message(reader), writer):
                    pass
        finally:
            self._tasks.discard(asyncio.current_task())
            writer.close()

    async def _answer(self, message, writer):
        now, mood = time.monotonic(), self.mood
        self.counts[mood] = self.counts.get(mood, 0) + 1
        post = self.account.post(message.start.split("/")[1], json.loads(message.body)["text"], now)
        if mood == "silent":
            async with self._moods:
                await self._moods.wait_for(lambda: self.mood != "silent")
            return False
        if mood == "closing":
            return False
        post.taken = mood in ("withheld", "half")
        if mood == "withheld":
            return False
        status, fields, content = ANSWERS.get(mood, OK)
        fields = {"Content-Type": "application/json", **fields, "Content-Length": len(content)}
        head = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in fields.items())]
        answer = "\r\n".join(head).encode() + b"\r\n\r\n" + content
        if mood == "half":
            writer.write(answer[:-3])
            await writer.drain()
            return False
        # Before it is sent: what the poster does next comes after this.
        if mood == "ok":
            self.account.confirm(post)
        writer.write(answer)
        await writer.drain()
        return True

    async def close(self):
        await self.feel("ok")
        if self._server:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
