"""What goes wrong, when: made up front from a seed, so that a seed repeats the same sequence of faults."""

import dataclasses
import random

#: What can be done to each thing: the fault, and between how many seconds it lasts. A paused gateway must sometimes
#: outlive the lease of its outbox entries (10 s).
GATEWAY = {"kill": (0.1, 3), "pause": (0.5, 15), "restart": (0.1, 2)}
POSTGRES = {"kill": (0.1, 3), "pause": (0.5, 13), "restart": (0.1, 2), "backends": (0.2, 3)}
RABBITMQ = {"kill": (0.1, 3), "pause": (0.5, 13), "restart": (0.1, 2), "blocked": (1, 6), "nacks": (1, 6)}
#: Somebody else has the file: shorter and longer than the gateway waits for it (5 s).
FILE = {"lock": (0.3, 9)}
LINK = {"cut": (0.1, 3), "stall": (0.5, 8), "lose": (0.5, 4), "refuse": (0.5, 5)}
SLACK = {
    name: (0.5, 5) for name in ["429", "500", "not-ok", "garbage", "silent", "closing", "withheld", "half"]
}
#: An error that stands until somebody acts: the poster tries again after a minute, which a short round has not got.
LASTING, LASTING_LOAD = ("slack", "refused", (1, 4)), 90
#: What a server needs to come back, beyond the time it was away: no fault is planned on top of that.
RECOVERY = {"rabbitmq kill": 8, "rabbitmq restart": 10, "postgres kill": 3, "postgres restart": 2}

#: Before the first fault, and after the last one has ended.
PRELUDE, CODA = 2.0, 3.0


@dataclasses.dataclass(frozen=True)
class Fault:
    at: float  # seconds from the start of the load
    target: str  # "gateway scores-0", "postgres", "rabbitmq", "file", "link scores-0/db", "slack"
    action: str
    seconds: float
    seed: int  # for what is drawn while it happens: which byte is the last one

    @property
    def end(self):
        kind = f"{self.target.split()[0]} {self.action}"
        return self.at + self.seconds + RECOVERY.get(kind, 0.5)

    def __str__(self):
        return f"{self.at:6.1f} s  {self.target:24} {self.action:9} {self.seconds:5.1f} s"


def plan(seed, seconds, nodes, slack=True):
    """The faults of one round.

    `nodes` maps the name of a gateway to its role and the links it has: {"scores-0": ("scores", ["db", "broker"])}.
    Kinds are dealt from a shuffled deck that has each of them, so a round of some length has had them all.
    """
    rng = random.Random(seed)
    end = seconds - CODA
    faults = _deal(rng, _deck(nodes), end, nodes, gaps=(0.2, 2.4))
    if slack:
        deck = [("slack", action, span) for action, span in SLACK.items()]
        deck += [LASTING] if seconds >= LASTING_LOAD else []
        faults += _deal(rng, deck, end, nodes, gaps=(3, 7))
    return sorted(faults, key=lambda fault: fault.at)


def _deck(nodes):
    roles = sorted({role for role, _ in nodes.values()})
    links = sorted({link for _, links in nodes.values() for link in links})
    deck = [(f"role {role}", action, span) for role in roles for action, span in GATEWAY.items()]
    # Whoever writes has the most to lose.
    deck += [(f"role {role}", "kill", GATEWAY["kill"]) for role in roles if role in ("all", "scores")]
    if "db" in links:
        deck += [("postgres", action, span) for action, span in POSTGRES.items()]
    else:
        deck += 3 * [("file", action, span) for action, span in FILE.items()]
    if "broker" in links:
        deck += [("rabbitmq", action, span) for action, span in RABBITMQ.items()]
    deck += [(f"kind {link}", action, span) for link in links for action, span in LINK.items()]
    return deck


def _deal(rng, deck, end, nodes, gaps):
    faults, cards, now = [], [], PRELUDE
    while True:
        if not cards:
            cards = rng.sample(deck, len(deck))
        now = round(now + rng.uniform(*gaps), 2)
        what, action, (least, most) = cards.pop()
        # Short ones are more common, long ones happen.
        seconds = least + (most - least) * rng.random() ** 1.5
        target = _target(rng, what, nodes)
        running = [fault for fault in faults if fault.end > now]
        # Two at a time at most, and never two on the same thing.
        while len(running) >= 2 or any(fault.target == target for fault in running):
            now = round(min(fault.end for fault in running) + 0.05, 2)
            running = [fault for fault in running if fault.end > now]
        fault = Fault(now, target, action, round(seconds, 2), rng.getrandbits(32))
        if now >= end:
            return faults
        if fault.at + fault.seconds <= end:
            faults.append(fault)


def _target(rng, what, nodes):
    kind, _, name = what.partition(" ")
    if kind == "role":
        return "gateway " + rng.choice([node for node, (role, _) in nodes.items() if role == name])
    if kind == "kind":
        return "link " + rng.choice([f"{node}/{name}" for node, (_, links) in nodes.items() if name in links])
    return what
