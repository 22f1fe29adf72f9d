"""The writers: clients that post scores with names of their own, and write down what they were told."""

import asyncio
import json
import random
import time

from http_wire import Client, CutShort, Hung, NoAnswer, NotSent
from ledger import Outcome

#: A gateway answers within this, paused for 15 s at worst; "never a hang".
PATIENCE = 45.0
#: How long the writers go on with a key after the load has ended.
INSISTENCE = 60.0


class Writer:
    """`targets`: the nodes it may post to; it goes to another when one is not there, as a balancer would do."""

    def __init__(self, name, targets, topology, ledger, seed, rate, through_link):
        self.name, self.targets, self.topology, self.ledger = name, targets, topology, ledger
        self.rng = random.Random(f"{seed}/{name}")
        self.rate, self.through_link = rate, through_link
        self.client = Client(PATIENCE)
        self.turn = self.rng.randrange(len(targets))
        self.number = 0
        self.running = True

    def stop(self):
        self.running = False

    async def run(self):
        try:
            while self.running:
                await asyncio.sleep(self.rng.expovariate(self.rate))
                await self.write()
        finally:
            self.client.close()

    def make_name(self):
        self.number += 1
        # Some that Slack's markup would read as something else.
        return f"{self.name}-{self.number:05}" + (" <&>" if self.number % 50 == 7 else "")

    def make_score(self):
        return self.rng.choice([1, -1, 0, self.rng.randrange(-(2**31), 2**31)])

    def node(self):
        return self.targets[self.turn % len(self.targets)]

    async def post(self, body, fields=("Content-Type: application/json",)):
        """The answer, or how it failed: (Outcome, message or None)."""
        node = self.node()
        port = self.topology.front(node).port if self.through_link else node.port
        began = time.monotonic()
        try:
            answer = await self.client.post(port, "/scores", body, fields)
        except NotSent:
            self.ledger.count("not sent")
            self.turn += 1
            await asyncio.sleep(0.05)
            return Outcome.UNSENT, None
        except NoAnswer:
            self.ledger.count("no answer")
            self._unanswered(node, began)
            self.turn += 1
            return Outcome.UNKNOWN, None
        except CutShort as error:
            self.ledger.count("cut short")
            self._cut_short(node)
            # The status line was sent after the commit.
            stored = error.status is not None and 200 <= error.status < 300
            return Outcome.STORED if stored else Outcome.UNKNOWN, None
        except Hung:
            self.ledger.count("hung")
            self.ledger.incident(f"{self.name}: {node.name} did not answer within {PATIENCE} s")
            return Outcome.UNKNOWN, None
        self.ledger.count(f"{answer.status}")
        if 200 <= answer.status < 300:
            return Outcome.STORED, answer
        # 409: an earlier try with this key is still running; it may have been cut off from us, not from the database.
        running = answer.status == 409 and any(field.startswith("Idempotency-Key") for field in fields)
        if answer.status == 503 or running:
            if "retry-after" not in answer.fields:
                self.ledger.incident(f"{node.name}: {answer.status} without Retry-After: {answer.body[:200]}")
            await asyncio.sleep(min(0.3, float(answer.fields.get("retry-after", 1))))
            self.turn += 1
            return Outcome.BUSY, answer
        # A client that was cut or paused in the middle of its request is told so.
        if answer.status not in (408, 422):
            self.ledger.incident(f"{node.name} answered {answer.status}: {answer.body[:300]}")
        return (Outcome.REFUSED if answer.status < 500 else Outcome.UNKNOWN), answer

    def _cut_short(self, node):
        """Nothing between us and the gateway cuts: it was killed, or it is a fault."""
        life = node.life_at(self.client.opened_at)
        if not self.through_link and life.end != "killed":
            self.ledger.incident(f"{node.name} (life {node.lives.index(life)}, {life.end}) cut an answer short")

    def _unanswered(self, node, began):
        """Who ends in peace finishes what it has accepted. How it ended is known later: judged then."""
        if not self.through_link:
            self.ledger.unanswered.append((node.name, node.life_at(self.client.opened_at), began))

    async def write(self):
        raise NotImplementedError


class PlainWriter(Writer):
    """One score, once: what becomes of a request without an answer it does not know."""

    async def write(self):
        name, score = self.make_name(), self.make_score()
        write = self.ledger.write("plain", {name: score})
        write.outcome, answer = await self.post(json.dumps({"user": name, "score": score}).encode())
        if answer is not None and write.outcome is Outcome.STORED:
            stored = json.loads(answer.body)
            if (stored["user"], stored["score"]) != (name, score):
                self.ledger.incident(f"posted {name} {score}, answered {stored}")
            write.first_id = write.last_id = stored["id"]
        elif write.outcome is Outcome.REFUSED and answer.status == 422:
            self.ledger.incident(f"a good score was refused: {answer.body[:300]}")


class KeyedWriter(Writer):
    """Insists with the same Idempotency-Key, at whichever gateway answers, until the score is accepted."""

    async def write(self):
        name, score = self.make_name(), self.make_score()
        write = self.ledger.write("keyed", {name: score})
        body = json.dumps({"user": name, "score": score}).encode()
        stored = await self.insist(write, name, body)
        if stored is None:
            return
        write.first_id = write.last_id = stored["id"]
        chance = self.rng.random()
        if chance < 0.1:
            again = await self.insist(write, name, body)
            if again is not None and again != stored:
                self.ledger.incident(f"the same key and body, another answer: {stored}, then {again}")
        elif chance < 0.15:
            self.turn += 1
            other = json.dumps({"user": f"{name}-other", "score": score}).encode()
            await self.expect_refusal(name, other)

    async def insist(self, write, name, body):
        """Until a 2xx is read as a whole: the stored score."""
        patience = None
        while True:
            write.tries += 1
            outcome, answer = await self.post(body, self.fields(name))
            if write.outcome is not Outcome.STORED:
                # Whatever became of this try, an earlier one may have been stored.
                write.outcome = outcome if outcome in (Outcome.STORED, Outcome.BUSY) else Outcome.UNKNOWN
            if outcome is Outcome.STORED and answer is not None:
                return json.loads(answer.body)
            if outcome is Outcome.REFUSED and answer.status != 408:
                self.ledger.incident(f"a good score with a key was refused: {answer.body[:300]}")
                return None
            if not self.running:
                patience = patience or time.monotonic() + INSISTENCE
                if time.monotonic() > patience:
                    return None
            await asyncio.sleep(self.rng.uniform(0.05, 0.3))

    async def expect_refusal(self, name, body):
        for _ in range(5):
            outcome, answer = await self.post(body, self.fields(name))
            if outcome is Outcome.REFUSED and answer.status == 422:
                return
            if outcome is Outcome.STORED:
                self.ledger.incident(f"the same key, another body, answered 2xx: {name}")
                return

    @staticmethod
    def fields(name):
        return ("Content-Type: application/json", f"Idempotency-Key: {name.split()[0]}")


class BatchWriter(Writer):
    """Many scores in one request: all or none. Now and then with one that is bad: none."""

    def __init__(self, *arguments, sizes):
        super().__init__(*arguments)
        self.sizes = sizes

    async def write(self):
        base = self.make_name()
        scores = {f"{base}-{index:04}": self.make_score() for index in range(self.rng.randint(*self.sizes))}
        write = self.ledger.write("batch", scores)
        elements = [{"user": name, "score": score} for name, score in scores.items()]
        bad = self.rng.random() < 0.08
        if bad:
            write.kind = "bad batch"
            elements[self.rng.randrange(len(elements))]["score"] = "three"
        if self.rng.random() < 0.5:
            body, kind = json.dumps(elements), "application/json"
        else:
            body, kind = "\n".join(map(json.dumps, elements)) + "\n", "application/x-ndjson"
        write.outcome, answer = await self.post(body.encode(), (f"Content-Type: {kind}",))
        if bad and write.outcome is Outcome.STORED:
            self.ledger.incident(f"a batch with a bad element was accepted: {base}")
        elif answer is not None and write.outcome is Outcome.STORED:
            told = json.loads(answer.body)
            if told["stored"] != len(scores):
                self.ledger.incident(f"a batch of {len(scores)} was answered {told}")
            write.first_id, write.last_id = told["first_id"], told["last_id"]
        elif write.outcome is Outcome.REFUSED and answer.status == 422 and not bad:
            self.ledger.incident(f"a good batch was refused: {answer.body[:300]}")


def crew(topology, ledger, seed, rate, without):
    """Writers for `rate` requests a second: most of them plain, a part of each through the links."""
    targets = topology.of_role("scores")

    def make(kind, name, share, through_link, **options):
        return kind(name, targets, topology, ledger, seed, rate * share, through_link, **options)

    crew = [make(PlainWriter, f"p{index}", 0.09, index >= 6) for index in range(8)]
    if "idempotency" not in without:
        crew += [make(KeyedWriter, f"k{index}", 0.05, index >= 2) for index in range(4)]
    if "batches" not in without:
        crew += [make(BatchWriter, f"b{index}", 0.01, index == 1, sizes=(1, 40)) for index in range(2)]
        crew += [make(BatchWriter, "B0", 0.0008, False, sizes=(1500, 3000))]
    return crew
