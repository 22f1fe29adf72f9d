"""Section 7: the poster, against a stand-in that records."""

import email.utils
import itertools
import signal
import threading
import time

import pytest

import slack_stand_in as slack_answers
from conftest import on
from feed import RawFeed
from waiting import eventually

pytestmark = on("servers", "embedded")


def poster(world, slack, **env):
    return world.gateway(ROLE="poster", DATABASE_URL=None, **{**slack.env, **env})


def post_many(gateway, count, prefix="p"):
    for index in range(count):
        gateway.post(f"{prefix}{index}", 2)


def line(name):
    return f":tada: {name} just scored 2 points"


def test_one_score_is_one_message(world):
    slack = world.slack()
    gateway = world.gateway(**slack.env)
    gateway.post("ada", 3)
    assert slack.wait_for(1) == [":tada: ada just scored 3 points"]
    (post,) = slack.posts
    assert post.path == "/api/chat.postMessage"
    assert post.headers["authorization"] == "Bearer xoxb-test-token"
    assert post.headers["content-type"].startswith("application/json")
    assert post.json == {"channel": "#scores", "text": ":tada: ada just scored 3 points"}


@pytest.mark.parametrize(
    ("user", "score", "text"),
    [
        ("ada", 1, ":tada: ada just scored 1 point"),
        ("ada", 0, ":tada: ada just scored 0 points"),
        ("ada", -5, ":tada: ada just scored -5 points"),
        ("<!channel> & <@U1>", 2, ":tada: &lt;!channel&gt; &amp; &lt;@U1&gt; just scored 2 points"),
        ("&lt;", 2, ":tada: &amp;lt; just scored 2 points"),
        ('"Jörgen" \\ 🎉', 2, ':tada: "Jörgen" \\ 🎉 just scored 2 points'),
    ],
)
def test_texts(world, user, score, text):
    slack = world.slack()
    gateway = world.gateway(**slack.env)
    gateway.post(user, score)
    assert slack.wait_for(1) == [text]


# MARK: The pace, and digests


def test_at_most_one_a_second_and_none_lost(world):
    slack = world.slack()
    gateway = world.gateway(**slack.env)
    began = time.monotonic()
    for index in range(20):
        gateway.post(f"p{index}", 2)
        time.sleep(0.2)
    assert sorted(slack.wait_for(20)) == sorted(line(f"p{index}") for index in range(20))
    assert 3 <= len(slack.posts) <= time.monotonic() - began + 2, slack.texts
    assert min(slack.gaps) >= 1, slack.gaps


def test_the_first_after_a_pause_goes_at_once(world):
    slack = world.slack()
    gateway = world.gateway(**slack.env)
    gateway.post("p0", 2)
    slack.wait_for(1)
    waits = []
    # The best of some: a busy machine may take its time, but who waits for the pace takes a second each time.
    while min(waits, default=1) >= 0.9 and len(waits) < 10:
        time.sleep(1.5)
        before = time.monotonic()
        gateway.post(f"p{len(waits) + 1}", 2)
        slack.wait_for(len(waits) + 2)
        waits.append(slack.posts[-1].at - before)
    assert min(waits) < 0.9, waits


@pytest.mark.rabbitmq
@pytest.mark.parametrize("while_", ["Slack says 500", "no poster runs"])
def test_a_backlog_of_a_thousand_is_a_handful_of_digests(world, while_):
    slack = world.slack()
    scores = world.gateway(ROLE="scores", BROKER_MAX_BATCH=100)
    slack.always = slack_answers.SERVER_ERROR
    gateway = poster(world, slack)
    if while_ == "no poster runs":
        gateway.stop()
    post_many(scores, 1_000)
    if while_ == "no poster runs":
        eventually(lambda: world.broker.depth(world.queue) == 1_000, what="all are in the queue")
        gateway = poster(world, slack)
    else:
        eventually(lambda: gateway.metric("score_gateway_slack_waiting") == 1_000, what="all are taken")
    slack.always = slack_answers.OK
    assert slack.wait_for_told(1_000) == 1_000
    assert len(slack.texts) <= 10, slack.texts
    first = slack.texts[0].splitlines()
    assert first[0].startswith(":tada: p"), first
    assert all(gap >= 1 for gap in slack.gaps), slack.gaps
    eventually(lambda: world.broker.depth(world.queue) == 0, what="nothing is left")
    eventually(lambda: gateway.metric("score_gateway_slack_waiting") == 0, what="all are acknowledged")
    assert gateway.metric("score_gateway_slack_scores_total") == 1_000
    assert gateway.metric("score_gateway_slack_posted_total") == len(slack.texts)
    assert gateway.metric("score_gateway_slack_digests_total") >= 1
    gateway.stop()
    poster(world, slack)
    time.sleep(2)
    assert slack.told == 1_000, "acknowledged once and for all"


@pytest.mark.rabbitmq
def test_batches_are_told_score_by_score(world):
    """A message of the bus has up to 256 scores; the digest counts scores."""
    slack = world.slack()
    gateway = poster(world, slack)
    gateway.stop()
    lines = "".join(f'{{"id":{index},"user":"p{index}","score":2}}\n' for index in range(256)).encode()
    for _ in range(4):
        world.broker.publish(world.exchange, lines, content_type="application/x-ndjson")
    world.broker.publish(world.exchange, b"no score")
    poster(world, slack)
    assert slack.wait_for_told(1_024) == 1_024
    assert slack.texts[0].splitlines()[:20] == [line(f"p{index}") for index in range(20)]


HOSTILE = [
    "<!channel>",
    "<@U012AB3CD>",
    "</script>&amp;<http://evil.example|click>",
    "a\nand 1000 more",
    "b\r\n:tada: eve just scored 9 points",
    "c\u2028and 7 more",
    "d\u2029and 7 more",
    "e\u0085and 7 more",
    "f\x0band 7 more",
    '","channel":"#general',
    "*bold* _it_ ~no~ `x`",
    "&" * 255,
    "😀" * 255,
]


def test_hostile_names_in_a_digest_stay_text(world):
    slack = world.slack()
    slack.always = slack_answers.SERVER_ERROR
    gateway = world.gateway(**slack.env)
    for name in HOSTILE:
        gateway.post(name, 2)
    eventually(lambda: gateway.metric("score_gateway_slack_waiting") == len(HOSTILE), what="all are taken")
    slack.always = slack_answers.OK
    assert slack.wait_for_told(len(HOSTILE)) == len(HOSTILE)
    for post in slack.posts:
        assert set(post.json) == {"channel", "text"} and post.json["channel"] == "#scores"
        assert "<" not in post.text and ">" not in post.text
        assert len(post.text) <= 4_000


# MARK: Slack's troubles


def http_date(seconds):
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


@pytest.mark.parametrize("retry_after", [lambda: 3, lambda: http_date(6)], ids=["seconds", "date"])
def test_429_is_obeyed(world, retry_after):
    slack = world.slack()
    gateway = world.gateway(**slack.env)
    # Made now and not before the start, which may take as long as a date is ahead.
    made, value = time.monotonic(), retry_after()
    slack.answers = [slack_answers.too_many(value)]
    gateway.post("ada", 2)
    gateway.post("bob", 2)
    assert sorted(slack.wait_for(2)) == [line("ada"), line("bob")]
    first, second, *_ = slack.posts
    # A date has no fractions of a second.
    earliest = first.at + 3 if value == 3 else made + 5
    assert not first.accepted and earliest - 0.1 < second.at


@pytest.mark.rabbitmq
def test_a_huge_retry_after_silences_and_loses_nothing(world):
    slack = world.slack()
    slack.always = slack_answers.too_many("99999999999999999999")
    gateway = poster(world, slack)
    scores = world.gateway(ROLE="scores")
    scores.post("ada", 2)
    eventually(lambda: len(slack.posts) > 0, what="a first try")
    scores.post("bob", 2)
    time.sleep(4)
    assert len(slack.posts) == 1
    gateway.stop()
    slack.always = slack_answers.OK
    poster(world, slack)
    assert sorted(slack.wait_for(2)) == [line("ada"), line("bob")]


@pytest.mark.parametrize(
    "answer",
    [
        slack_answers.SERVER_ERROR,
        slack_answers.GARBAGE,
        slack_answers.NOTHING,
        slack_answers.HALF,
        slack_answers.refused("internal_error"),
    ],
    ids=["500", "garbage", "nothing", "half", "ok false"],
)
def test_a_failure_is_tried_again(world, answer):
    slack = world.slack()
    slack.answers = [answer, answer]
    gateway = world.gateway(**slack.env)
    gateway.post("ada", 3)
    assert slack.wait_for(1, seconds=60) == [":tada: ada just scored 3 points"]
    assert len(slack.posts) == 3
    assert min(slack.gaps) >= 1


@pytest.mark.parametrize("answer", [slack_answers.ECHO, slack_answers.ENDLESS], ids=["echo", "endless"])
def test_however_long_the_answer_is_the_message_is_posted_once(world, answer):
    slack = world.slack()
    slack.always = answer
    gateway = world.gateway(**slack.env)
    gateway.post("ada", 2)
    eventually(lambda: gateway.metric("score_gateway_slack_posted_total") == 1)
    gateway.post("bob", 2)
    eventually(lambda: gateway.metric("score_gateway_slack_posted_total") == 2)
    assert [post.text for post in slack.posts] == [line("ada"), line("bob")]
    assert gateway.metric("score_gateway_slack_failed_total") == 0


def test_a_slack_that_never_answers_is_given_up_and_tried_again(world):
    slack = world.slack()
    slack.answers = [slack_answers.NEVER]
    gateway = world.gateway(**slack.env)
    gateway.post("ada", 2)
    eventually(lambda: len(slack.posts) > 0, what="a first try")
    gateway.post("bob", 2)
    assert gateway.get("/readiness").status == 200 and len(gateway.scores()) == 2
    assert slack.wait_for(2, seconds=60) == [line("ada"), line("bob")], "as one message"
    assert slack.gaps[0] > 10


def test_a_slack_that_is_not_there_does_not_hinder_the_rest(world):
    slack = world.slack()
    slack.close()
    gateway = world.gateway(**slack.env)
    for index in range(5):
        gateway.post("ada", index)
    assert len(gateway.scores()) == 5
    assert gateway.get("/readiness").status == 200


def test_a_lasting_refusal_loses_nothing(world):
    """The channel does not exist; somebody makes it, and restarts the gateway."""
    slack = world.slack()
    slack.always = slack_answers.refused("channel_not_found")
    gateway = world.gateway(**slack.env)
    gateway.post("ada", 3)
    eventually(lambda: len(slack.posts) > 0, what="a first try")
    eventually(lambda: "channel_not_found" in gateway.log, what="a line in the log")
    assert gateway.metric("score_gateway_slack_refuses") == 1
    assert "xoxb-test-token" not in gateway.log
    time.sleep(3)
    assert len(slack.posts) == 1, "retried slowly"
    gateway.stop()
    slack.always = slack_answers.OK
    world.gateway(**slack.env)
    assert slack.wait_for(1) == [":tada: ada just scored 3 points"]


def test_a_text_that_slack_will_never_take_holds_nothing_up(world):
    slack = world.slack()
    slack.always = slack_answers.refused("msg_too_long")
    gateway = world.gateway(**slack.env)
    gateway.post("ada", 2)
    eventually(lambda: "Slack will never take this" in gateway.log, what="a line in the log")
    assert gateway.metric("score_gateway_slack_scores_lost_total") == 1
    slack.always = slack_answers.OK
    gateway.post("bob", 2)
    assert slack.wait_for(1) == [line("bob")]


# MARK: Ends


@pytest.mark.rabbitmq
def test_what_was_not_posted_outlives_the_poster(world):
    slack = world.slack()
    slack.always = slack_answers.SERVER_ERROR
    gateway = world.gateway(**slack.env)
    texts = set()
    for index in range(3):
        gateway.post(f"p{index}", 2)
        texts.add(f":tada: p{index} just scored 2 points")
    eventually(lambda: len(slack.posts) > 0, what="a first try")
    # In the queue, all of them: what a kill may take from the publisher is another matter.
    eventually(lambda: gateway.metric("score_gateway_messages_published_total") == 3, what="all are published")
    eventually(lambda: gateway.metric("score_gateway_messages_unconfirmed") == 0, what="all are confirmed")
    gateway.kill()
    slack.always = slack_answers.OK
    world.gateway(**slack.env)
    eventually(lambda: set(slack.accepted) == texts, 60, "all three")


@pytest.mark.rabbitmq
def test_scores_of_a_time_without_a_poster_are_posted(world):
    """The queue is durable: it fills while every poster is down."""
    slack = world.slack()
    gateway = poster(world, slack)
    gateway.stop()
    scores = world.gateway(ROLE="scores")
    scores.post("ada", 3)
    eventually(lambda: world.broker.depth(world.queue) == 1, what="the score in the queue")
    poster(world, slack)
    assert slack.wait_for(1) == [":tada: ada just scored 3 points"]


@pytest.mark.rabbitmq
def test_a_message_under_way_is_finished_at_the_end_and_no_other_begun(world):
    slack = world.slack()
    slack.answers = [slack_answers.slow(3)]
    scores = world.gateway(ROLE="scores")
    gateway = poster(world, slack)
    scores.post("ada", 2)
    eventually(lambda: len(slack.posts) > 0, what="the message is under way")
    scores.post("bob", 2)
    eventually(lambda: gateway.metric("score_gateway_slack_waiting") == 2, what="the other one waits")
    gateway.stop()
    assert len(slack.posts) == 1
    eventually(lambda: world.broker.depth(world.queue) == 1, what="the one that was not told is left")
    poster(world, slack)
    assert slack.wait_for(2) == [line("ada"), line("bob")]
    time.sleep(1.5)
    assert slack.told == 2, "none was told twice"


# MARK: Several posters


def active(posters):
    """The one that the broker lets consume: it holds scores, or has told some."""
    names = ["score_gateway_slack_waiting", "score_gateway_slack_scores_total"]
    working = [poster for poster in posters if any(poster.metric(name) for name in names)]
    assert len(working) <= 1, "two posters work"
    return working[0] if working else None


class Source:
    """Posts a score every tenth of a second, until it is stopped: `count` of them."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.count = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        for index in itertools.count():
            if self._end.wait(0.1):
                return
            self.gateway.post(f"p{index}", 2)
            self.count += 1

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()


@pytest.mark.rabbitmq
@pytest.mark.parametrize("queue_type", ["classic", "quorum"])
def test_two_posters_keep_the_limit_together(world, queue_type):
    slack = world.slack()
    posters = [poster(world, slack, BROKER_QUEUE_TYPE=queue_type) for _ in range(2)]
    scores = world.gateway(ROLE="scores")
    with Source(scores) as source:
        eventually(lambda: len(slack.texts) >= 5, what="five messages")
    assert slack.wait_for_told(source.count) == source.count, "a score was told twice"
    assert min(slack.gaps) >= 1, slack.gaps
    working = active(posters)
    assert "used as it is" not in working.log
    # It ends as one should, and the other takes over.
    with Source(scores) as more:
        time.sleep(1)
        working.stop()
        count = len(slack.texts)
        eventually(lambda: len(slack.texts) >= count + 2, what="the other one goes on")
    total = source.count + more.count
    assert slack.wait_for_told(total) == total, "a score was told twice"
    assert min(slack.gaps) >= 1, slack.gaps


@pytest.mark.rabbitmq
def test_an_active_poster_that_is_killed_is_followed_by_the_other(world):
    slack = world.slack()
    posters = [poster(world, slack) for _ in range(2)]
    with Source(world.gateway(ROLE="scores")) as source:
        eventually(lambda: len(slack.texts) >= 2, what="two messages")
        active(posters).kill()
        count = len(slack.texts)
        eventually(lambda: len(slack.texts) >= count + 3, what="the other one goes on")
    assert slack.wait_for_told(source.count) >= source.count
    eventually(lambda: world.broker.depth(world.queue) == 0, what="nothing is left")
    # No digest had more than 20, so each is named.
    assert {line(f"p{index}") for index in range(source.count)} == set(slack.accepted)
    assert min(slack.gaps) >= 1, slack.gaps


@pytest.mark.rabbitmq
def test_an_active_poster_that_stands_still_is_followed_by_the_other(world):
    """Its connection stays open: only the heartbeat tells the broker."""
    slack = world.slack()
    posters = [poster(world, slack) for _ in range(2)]
    scores = world.gateway(ROLE="scores")
    scores.post("before", 2)
    slack.wait_for(1)
    stopped = eventually(lambda: active(posters), what="one is active")
    # It falls asleep with a score that waits for its second: in the first one for which this is quick enough.
    told = ["before"]
    for attempt in range(20):
        told.append(f"held{attempt}")
        scores.post(told[-1], 2)
        eventually(
            lambda: len(slack.accepted) == len(told) or stopped.metric("score_gateway_slack_waiting") == 1,
            what="it is taken",
        )
        stopped.signal(signal.SIGSTOP)
        if len(slack.posts) < len(told):
            break
        stopped.signal(signal.SIGCONT)
        slack.wait_for(len(told))
    else:
        pytest.fail("it was always told already")
    try:
        before = time.monotonic()
        told.append("meanwhile")
        scores.post("meanwhile", 2)
        assert slack.wait_for(len(told), seconds=60) == [line(name) for name in told]
        print(f"taken over after {time.monotonic() - before:.1f} s")
        told.append("after")
        scores.post("after", 2)
        slack.wait_for(len(told))
    finally:
        stopped.signal(signal.SIGCONT)
    # Awake again, it does not tell what it was given when it fell asleep.
    time.sleep(3)
    assert slack.accepted == [line(name) for name in told]
    eventually(lambda: "poster: broker is back" in stopped.log, what="it stands by again")


@pytest.mark.rabbitmq
@pytest.mark.parametrize("arguments", [{}, {"x_queue_type": "quorum"}], ids=["of an earlier version", "quorum"])
def test_a_queue_with_other_arguments_is_used_as_it_is(world, arguments):
    """And then the posters share the work, as nobody keeps one of them waiting."""
    slack = world.slack()
    world.broker.declare_queue(world.queue, **arguments)
    posters = [poster(world, slack) for _ in range(2)]
    for gateway in posters:
        assert gateway.log.count("is used as it is") == 1, gateway.log
    with Source(world.gateway(ROLE="scores")) as source:
        eventually(lambda: all(p.metric("score_gateway_slack_posted_total") >= 2 for p in posters), what="both work")
    assert slack.wait_for_told(source.count) == source.count, "a score was told twice"


def test_without_a_token_the_poster_is_off_and_says_so(world):
    gateway = world.gateway()
    gateway.post("ada", 3)
    lines = [line for line in gateway.log.splitlines() if "SLACK_API_TOKEN" in line]
    assert len(lines) == 1, gateway.log


def test_no_post_begins_once_it_is_to_end(world):
    """A reader that does not answer the close holds the drain up; what is not told stays with the broker."""
    slack = world.slack()
    slack.always = slack_answers.SERVER_ERROR
    # One reactor: the reader's drain is the poster's.
    gateway = world.gateway(SHUTDOWN_TIMEOUT=7, REACTORS=1, **slack.env)
    with RawFeed(gateway):
        gateway.post("ada", 3)
        eventually(lambda: gateway.metric("score_gateway_slack_failed_total") == 2, what="a try, and another one")
        gateway.signal()  # while the third one waits for its time
        eventually(lambda: "shutting down" in gateway.log)
        posts = len(slack.posts)
        assert gateway.process.wait(timeout=15) == 0
    assert len(slack.posts) == posts, "a post began while it was ending"
    slack.always = slack_answers.OK
    world.gateway(**slack.env)
    assert slack.wait_for(1) == [":tada: ada just scored 3 points"]
