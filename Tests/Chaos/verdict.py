"""The proof, score by score, from what was written down: pure, so that planted losses show that it can fail."""

import collections
import dataclasses

from ledger import Outcome
from slack_account import SlackAccount

#: Names or ids of a finding that are told.
SHOWN = 5
#: A round in which the gateway accepted fewer scores proves little.
LEAST_ACCEPTED = 300


@dataclasses.dataclass
class Evidence:
    writes: list
    table: list  # of Row
    bus: collections.Counter | None  # name → how often the queue on the exchange had it; None: not looked at
    feeds: dict  # reader → {id: (user, score)}
    slack: SlackAccount | None
    incidents: list
    last: dict = dataclasses.field(default_factory=dict)  # reader → when its last connection opened, ids that came on it
    slack_left: int = 0  # messages that still wait for the posters
    least_accepted: int = LEAST_ACCEPTED


@dataclasses.dataclass
class Finding:
    check: str
    count: int
    examples: list

    def __str__(self):
        more = f" … and {self.count - len(self.examples)} more" if self.count > len(self.examples) else ""
        return f"{self.check}: {self.count}  {', '.join(map(str, self.examples))}{more}"


def judge(evidence):
    """What is wrong; nothing in a good run."""
    findings = []

    def found(check, items):
        items = list(items)
        if items:
            findings.append(Finding(check, len(items), items[:SHOWN]))

    rows = collections.defaultdict(list)
    for row in evidence.table:
        rows[row.user].append(row)
    _table(evidence.writes, rows, found)
    if evidence.bus is not None:
        found("bus: stored, never published", (name for name in rows if name not in evidence.bus))
        found("bus: published, not stored", (name for name in evidence.bus if name not in rows))
    by_id = {row.id: (row.user, row.score) for row in evidence.table}
    for reader, seen in evidence.feeds.items():
        found(f"feed {reader}: stored, never seen", (f"{id} {by_id[id][0]}" for id in by_id if id not in seen))
        found(
            f"feed {reader}: seen, not stored so",
            (f"{id} {score}" for id, score in seen.items() if by_id.get(id) != score),
        )
    for reader, (opened_at, came) in evidence.last.items():
        found(f"feed {reader}: stored while it was connected, not seen then", missed(evidence.table, opened_at, came))
    if evidence.slack is not None:
        _slack(evidence.slack, rows, evidence, found)
    found("incident", evidence.incidents)
    accepted = sum(len(write.scores) for write in evidence.writes if write.outcome is Outcome.STORED)
    if accepted < evidence.least_accepted:
        findings.append(Finding("too few scores were accepted to prove anything", accepted, []))
    return findings


def missed(table, opened_at, came):
    """Scores that were stored after a connection was opened, and did not come on it."""
    return [row.id for row in table if row.created_at > opened_at and row.id not in came]


def _table(writes, rows, found):
    lost, torn, wrong, unasked, never = [], [], [], [], []
    names = set()
    for write in writes:
        names.update(write.scores)
        there = [name for name in write.scores if name in rows]
        missing = [name for name in write.scores if name not in rows]
        if write.outcome is Outcome.STORED:
            lost += missing
        elif write.outcome in (Outcome.REFUSED, Outcome.UNSENT) or write.kind == "bad batch":
            unasked += [f"{name} ({write.kind}, {write.outcome.value})" for name in there]
        elif there and missing:
            torn.append(f"{there[0]} is there, {missing[0]} is not")
        if write.kind == "keyed" and write.outcome in (Outcome.BUSY, Outcome.UNKNOWN):
            never.append(next(iter(write.scores)))
        wrong += [name for name in there if any(row.score != write.scores[name] for row in rows[name])]
        if there and write.outcome is Outcome.STORED and write.first_id is not None:
            ids = [row.id for name in there for row in rows[name]]
            if len(ids) == len(write.scores) and (min(ids), max(ids)) != (write.first_id, write.last_id):
                wrong.append(f"{there[0]}: stored as {min(ids)}…{max(ids)}, told {write.first_id}…{write.last_id}")
    found("table: answered 2xx, not stored", lost)
    found("table: stored more than once", (name for name, several in rows.items() if len(several) > 1))
    found("table: a batch is there in part", torn)
    found("table: stored, though it was refused, never sent or bad", unasked)
    found("table: not what was sent or told", wrong)
    found("table: nobody sent it", (name for name in rows if name not in names))
    found("a write with an Idempotency-Key was never accepted", never)


def _slack(slack, rows, evidence, found):
    if slack.hears_broker:
        found("slack: stored, never posted and acknowledged", (name for name in rows if name not in slack.acknowledged))
    found("slack: acknowledged without a post", slack.unbacked)
    found("slack: a strange post", slack.strange)
    found(
        "slack: named, not stored so",
        (
            f"{name} {score}"
            for post in slack.posts
            for name, score in post.named
            if not any(row.score == score for row in rows.get(name, ()))
        ),
    )
    stored = sum(map(len, rows.values()))
    if slack.covered < stored:
        found("slack: scores that no message counts", [f"{stored} stored, {slack.covered} counted"])
    if evidence.slack_left:
        found("slack: messages still wait for the posters", [evidence.slack_left])
