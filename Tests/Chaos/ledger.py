"""What the writers were told, write by write: the side of the books that the gateway must live up to."""

import dataclasses
import enum


class Outcome(enum.Enum):
    STORED = "2xx"
    REFUSED = "4xx"  # certainly not stored
    BUSY = "503"  # may be stored or not: its outcome was not known in time
    UNKNOWN = "no answer"
    UNSENT = "not sent"


@dataclasses.dataclass
class Write:
    """One POST, or several with the same Idempotency-Key; several names are one batch."""

    kind: str  # plain, keyed, batch, bad batch: with an element that is no score
    scores: dict  # name → score
    outcome: Outcome = Outcome.UNSENT
    first_id: int | None = None
    last_id: int | None = None
    tries: int = 0


@dataclasses.dataclass(frozen=True)
class Row:
    id: int
    user: str
    score: int
    created_at: float = 0.0  # seconds since the epoch


class Ledger:
    def __init__(self):
        self.writes = []
        #: Requests by what became of them: "2xx", "503", "no answer", …
        self.answers = {}
        #: What must never happen, noticed as it did: an answer of 500, an answer cut short.
        self.incidents = []
        #: Requests that nothing between us and the gateway cut off: (node, its life, when they were sent).
        self.unanswered = []

    def write(self, kind, scores):
        made = Write(kind, scores)
        self.writes.append(made)
        return made

    def count(self, answer, number=1):
        self.answers[answer] = self.answers.get(answer, 0) + number

    def incident(self, text):
        self.incidents.append(text)

    def left_unanswered(self):
        """Of those, what a gateway left that was ended in peace, and had the time."""
        return [
            f"{name} was terminated and left a request of {began:.1f} unanswered"
            for name, life, began in self.unanswered
            if life.end == "terminated"
            and not life.paused
            and life.ended_at is not None
            and began < life.terminated_at - 1
            and life.ended_at < life.terminated_at + 9
        ]

    @property
    def stored(self):
        return sum(len(write.scores) for write in self.writes if write.outcome is Outcome.STORED)
