"""The writers against a gateway of a few lines: what keeps the contract passes, and what does not is found."""

import asyncio
import contextlib
import json
import random

import pytest

from http_wire import read_message
from ledger import Ledger, Row
from verdict import Evidence, judge
from writers import crew


class Model:
    """Keeps the contract of POST /scores, and is as unreliable as `faults` says."""

    name, lives = "model", []

    def __init__(self, faults):
        self.rng, self.faults = random.Random(5), faults
        self.rows, self.keys = [], {}

    async def open(self):
        self.server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    # What the writers want of a topology.

    def of_role(self, _):
        return [self]

    def front(self, _):
        return self

    def life_at(self, _):
        return type("Life", (), {"end": "killed", "paused": False})

    async def _accept(self, reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while await self._answer(await read_message(reader), writer):
                pass
        writer.close()

    async def _answer(self, message, writer):
        chance = self.rng.random()
        if self.faults and chance < 0.1:
            return False
        if self.faults and chance < 0.2:
            return self._send(writer, 503, {}, "Retry-After: 0.01\r\n")
        status, told = self.handle(message)
        if self.faults and chance < 0.3:
            return False  # stored, and nobody is told
        return self._send(writer, status, told)

    def _send(self, writer, status, told, fields=""):
        body = json.dumps(told).encode()
        writer.write(f"HTTP/1.1 {status} X\r\n{fields}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        return True

    def handle(self, message):
        key, body = message.fields.get("idempotency-key"), message.body
        if message.fields["content-type"] == "application/x-ndjson":
            scores = [json.loads(line) for line in body.splitlines()]
        else:
            scores = json.loads(body)
        if key in self.keys:
            return (200, self.keys[key][1]) if self.keys[key][0] == body else (422, {})
        if isinstance(scores, dict):
            told = {**scores, "id": self.store(scores)}
            if key:
                self.keys[key] = (body, told)
            return 200, told
        if any(not isinstance(score["score"], int) for score in scores):
            return self.bad_batch(scores)
        ids = [self.store(score) for score in scores]
        return 200, {"stored": len(ids), "first_id": ids[0], "last_id": ids[-1]}

    def bad_batch(self, _):
        return 422, {}

    def store(self, score):
        self.rows.append(Row(len(self.rows) + 1, score["user"], score["score"]))
        return len(self.rows)


class Forgetful(Model):
    """Stores again what comes again."""

    def handle(self, message):
        self.keys.clear()
        return super().handle(message)


class Torn(Model):
    """Keeps the good ones of a bad batch."""

    def bad_batch(self, scores):
        for score in scores:
            if isinstance(score["score"], int):
                self.store(score)
        return 422, {}


class Liar(Model):
    """Loses one in twenty."""

    def store(self, score):
        return super().store(score) if self.rng.random() > 0.05 else len(self.rows) + 1


class Rude(Model):
    """Has an answer that nobody should get."""

    def handle(self, message):
        return (500, {}) if self.rng.random() < 0.05 else super().handle(message)


class Hasty(Model):
    """Says "busy", and not until when."""

    def handle(self, message):
        return (503, {}) if self.rng.random() < 0.05 else super().handle(message)


def findings(model):
    async def main():
        ledger = Ledger()
        await model.open()
        writers = crew(model, ledger, 3, 1500, without=set())
        tasks = [asyncio.create_task(writer.run()) for writer in writers]
        async with asyncio.timeout(20):
            while len(ledger.writes) < 800 or len({write.kind for write in ledger.writes}) < 4:
                await asyncio.sleep(0.1)
        for writer in writers:
            writer.stop()
        async with asyncio.timeout(30):
            await asyncio.gather(*tasks)
        model.server.close()
        return ledger

    ledger = asyncio.run(main())
    return judge(Evidence(ledger.writes, model.rows, None, {}, None, ledger.incidents, least_accepted=100))


@pytest.mark.parametrize("faults", [False, True])
def test_who_keeps_the_contract_passes(faults):
    assert [str(finding) for finding in findings(Model(faults))] == []


@pytest.mark.parametrize(
    "kind, faults, what",
    [
        (Forgetful, True, "stored more than once"),
        (Forgetful, False, "the same key"),
        (Torn, False, "refused, never sent or bad"),
        (Liar, False, "answered 2xx, not stored"),
        (Rude, False, "answered 500"),
        (Hasty, False, "503 without Retry-After"),
    ],
)
def test_who_does_not_is_found(kind, faults, what):
    found = findings(kind(faults))
    assert any(what in str(finding) for finding in found), list(map(str, found))
