"""Slack's side of the books, score by score although a digest names only twenty.

A poster acknowledges a delivery once Slack has said ok to its scores. The proxy below the broker sees which scores each
delivery had and when it was acknowledged, the stand-in sees how many scores each post covers. So, on every channel that
consumes from the poster's queue, at every acknowledgement:

    scores acknowledged so far  ≤  scores in posts that came since the channel's first delivery and got their ok

Posts whose ok never left, or that came before, do not count: the poster had to forget them. What holds for all
acknowledgements makes the acknowledged scores, which have names, the scores that are at Slack.
"""

import dataclasses
import re

LINE = re.compile(r":tada: (.*) just scored (-?\d+) (points?)")
MORE = re.compile(r"and (\d+) more")
#: The most lines of a digest, before "and N more".
DIGEST_LINES = 20


@dataclasses.dataclass
class Post:
    node: str
    at: float
    named: list  # (name, score)
    more: int
    #: Slack has it: this counts for the channel's readers.
    taken: bool = False
    #: The ok was sent as a whole: this counts for the poster.
    confirmed: bool = False

    @property
    def covers(self):
        return len(self.named) + self.more


def read_text(text):
    """The lines and the rest that a message counts; ValueError when it is none of ours."""
    named, more, lines = [], 0, text.split("\n")
    for index, line in enumerate(lines):
        if match := LINE.fullmatch(line):
            name, score, unit = match.groups()
            if (unit == "point") != (score == "1"):
                raise ValueError(f"{score} {unit}")
            for entity, character in [("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")]:
                name = name.replace(entity, character)
            named.append((name, int(score)))
        elif (match := MORE.fullmatch(line)) and 0 < index == len(lines) - 1:
            more = int(match.group(1))
        else:
            raise ValueError(f"not a line of ours: {line!r}")
    if len(named) > DIGEST_LINES or (more and not named):
        raise ValueError(f"{len(named)} lines and {more} more")
    return named, more


class Channel:
    """One channel of one connection of a poster."""

    def __init__(self, account, node):
        self.account, self.node = account, node
        self.first_at = None
        self.open = {}  # delivery tag → names
        self.acknowledged = 0
        self.covered = 0

    def delivered(self, tag, names, now):
        self.first_at = now if self.first_at is None else self.first_at
        self.open[tag] = names
        self.account.delivered.setdefault(self.node, set()).update(names)

    def acked(self, tag, multiple):
        names = self._settle(tag, multiple)
        self.acknowledged += len(names)
        if self.acknowledged > self.covered:
            self.account.unbacked.append(
                f"{self.node} acknowledged {self.acknowledged} scores on a channel, "
                f"Slack had confirmed {self.covered}; the last delivery: {names[:3]}"
            )
            self.covered = self.acknowledged  # told once
        self.account.acknowledged.update(names)

    def refused(self, tag, multiple, requeue):
        names = self._settle(tag, multiple)
        if names and not requeue:
            self.account.unbacked.append(f"{self.node} threw away a delivery: {names[:3]}")

    def _settle(self, tag, multiple):
        tags = [other for other in self.open if other <= tag or tag == 0] if multiple else [tag]
        return [name for tag in tags for name in self.open.pop(tag, [])]


class SlackAccount:
    """`hears_broker`: a proxy below a broker tells of deliveries. Without one only the sums can be compared."""

    def __init__(self, hears_broker=True):
        self.hears_broker = hears_broker
        self.posts = []
        self.channels = []
        self.delivered = {}  # node → names
        self.acknowledged = set()
        self.unbacked = []  # acknowledgements without a post behind them
        self.strange = []  # posts that are none of ours

    def channel(self, node):
        made = Channel(self, node)
        self.channels.append(made)
        return made

    def post(self, node, text, now):
        try:
            named, more = read_text(text)
        except ValueError as error:
            self.strange.append(f"{node}: {error}")
            named, more = [], 0
        for name, _ in named:
            if self.hears_broker and name not in self.delivered.get(node, ()):
                self.strange.append(f"{node} posted {name!r}, which the broker never gave it")
        made = Post(node, now, named, more)
        self.posts.append(made)
        return made

    def confirm(self, post):
        """Slack's ok leaves, as a whole."""
        post.taken = post.confirmed = True
        for channel in self.channels:
            if channel.node == post.node and channel.first_at is not None and post.at >= channel.first_at:
                channel.covered += post.covers

    @property
    def covered(self):
        """Scores that Slack's posts count, doubles included."""
        return sum(post.covers for post in self.posts if post.taken)
