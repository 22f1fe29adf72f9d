"""The proxy of the fault suite (Tests/Chaos/link.py) for tests that are not asynchronous: its loop runs on a thread."""

import asyncio
import pathlib
import sys
import threading
from urllib.parse import urlsplit, urlunsplit

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "Chaos"))

from link import Link  # noqa: E402


class LossyLink:
    """Stands between a gateway and the server of `url`; `.url` leads through it."""

    def __init__(self, url):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        parts = urlsplit(url)
        self._link = self._run(self._open(parts.port))
        netloc = f"{parts.netloc.rsplit(':', 1)[0]}:{self._link.port}"
        self.url = urlunsplit(parts._replace(netloc=netloc))

    @staticmethod
    async def _open(target):
        return await Link("test", target).open()

    def _run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    def _call(self, function, *arguments):
        async def work():
            return function(*arguments)

        return self._run(work())

    def lose_answers(self):
        """What is asked next is done, and its answer lost with the connection."""
        self._call(self._link.lose_answers, True)

    def stall(self):
        """Nothing passes, in either direction, until `flow`."""
        self._call(self._link.stall)

    def forget(self):
        """Nothing passes on the connections that are open, for good; new ones are not concerned."""
        self._call(self._link.forget)

    def flow(self):
        self._call(self._link.flow)

    def refuse(self):
        """All connections are cut, and no new ones taken, until `heal`."""
        self._run(self._link.refuse())

    def heal(self):
        self._run(self._link.heal())

    def close(self):
        self._run(self._link.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
