"""Section 7: the poster, against a stand-in that records."""

import pytest

import slack_stand_in as slack_answers
from waiting import eventually


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


def test_at_most_one_a_second_and_none_lost(world):
    slack = world.slack()
    gateway = world.gateway(**slack.env)
    for index in range(2, 6):
        gateway.post(f"p{index}", index)
    assert slack.wait_for(4) == [f":tada: p{index} just scored {index} points" for index in range(2, 6)]
    times = [post.at for post in slack.posts]
    assert all(later - earlier > 0.9 for earlier, later in zip(times, times[1:])), times


def test_429_is_obeyed(world):
    slack = world.slack()
    slack.answers = [slack_answers.too_many(3)]
    gateway = world.gateway(**slack.env)
    gateway.post("ada", 3)
    gateway.post("bob", 4)
    accepted = slack.wait_for(2)
    assert accepted == [":tada: ada just scored 3 points", ":tada: bob just scored 4 points"]
    first, second, *_ = slack.posts
    assert not first.accepted and second.at - first.at > 2.9


@pytest.mark.parametrize(
    "answer",
    [slack_answers.SERVER_ERROR, slack_answers.GARBAGE, slack_answers.NOTHING, slack_answers.refused("internal_error")],
    ids=["500", "garbage", "nothing", "ok false"],
)
def test_a_failure_is_tried_again(world, answer):
    slack = world.slack()
    slack.answers = [answer, answer]
    gateway = world.gateway(**slack.env)
    gateway.post("ada", 3)
    assert slack.wait_for(1, seconds=60) == [":tada: ada just scored 3 points"]
    assert len(slack.posts) == 3


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
    eventually(lambda: slack.posts, what="a first try")
    eventually(lambda: "channel_not_found" in gateway.log, what="a line in the log")
    assert "xoxb-test-token" not in gateway.log
    gateway.stop()
    slack.always = slack_answers.OK
    world.gateway(**slack.env)
    assert slack.wait_for(1) == [":tada: ada just scored 3 points"]


def test_what_was_not_posted_outlives_the_poster(world):
    slack = world.slack()
    slack.always = slack_answers.SERVER_ERROR
    gateway = world.gateway(**slack.env)
    listener = world.broker.listen(world.exchange)
    texts = set()
    for index in range(3):
        gateway.post(f"p{index}", 2)
        texts.add(f":tada: p{index} just scored 2 points")
    eventually(lambda: slack.posts, what="a first try")
    listener.wait_for(3)  # in the durable queue too, then: a fanout is for both
    gateway.kill()
    slack.always = slack_answers.OK
    world.gateway(**slack.env)
    eventually(lambda: set(slack.accepted) == texts, 60, "all three")


def test_scores_of_a_time_without_a_poster_are_posted(world):
    """The queue is durable: it fills while every poster is down."""
    slack = world.slack()
    poster = world.gateway(ROLE="poster", DATABASE_URL=None, **slack.env)
    poster.stop()
    scores = world.gateway(ROLE="scores")
    scores.post("ada", 3)
    eventually(lambda: world.broker.depth(world.queue) == 1, what="the score in the queue")
    world.gateway(ROLE="poster", DATABASE_URL=None, **slack.env)
    assert slack.wait_for(1) == [":tada: ada just scored 3 points"]


def test_two_posters_share_the_work(world):
    slack = world.slack()
    for _ in range(2):
        world.gateway(ROLE="poster", DATABASE_URL=None, **slack.env)
    scores = world.gateway(ROLE="scores")
    texts = {f":tada: p{index} just scored 2 points" for index in range(6)}
    for index in range(6):
        scores.post(f"p{index}", 2)
    eventually(lambda: set(slack.accepted) == texts, what="all six")
    assert len(slack.accepted) == 6, "a score was posted twice"


def test_without_a_token_the_poster_is_off_and_says_so(world):
    gateway = world.gateway()
    gateway.post("ada", 3)
    lines = [line for line in gateway.log.splitlines() if "SLACK_API_TOKEN" in line]
    assert len(lines) == 1, gateway.log
