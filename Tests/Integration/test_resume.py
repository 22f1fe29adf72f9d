"""Sections 3 and 6: the feed has no holes, whoever dies and however late a score comes on the bus.

A late publication is made by hand: a row that the store has, and a message for it when the test wants it.
"""

import json
import threading
import time

import pytest

from conftest import on
from feed import Collector, receive, subscribe
from waiting import eventually

pytestmark = on("servers", "embedded")


def store(world, count, user="late"):
    """Scores that nobody publishes: their ids."""
    return world.fill(count, lambda n: user)


def publish(world, *ids):
    """Their messages, one a batch as an outbox sends them."""
    lines = b"".join(json.dumps({"id": id, "user": "late", "score": 1}).encode() + b"\n" for id in ids)
    world.broker.publish(world.exchange, lines, content_type="application/x-ndjson")


def reporter(world, scores, **env):
    return world.gateway(ROLE="reporter", SCORES_API=scores.url, DATABASE_URL=None, **env)


class Reader:
    """A client that hops between reporters with the highest id it saw."""

    def __init__(self):
        self.seen = set()

    def read(self, gateway, until, seconds=30):
        """Resumes there, and reads until it has the ids."""
        query = f"?after={max(self.seen)}" if self.seen else ""
        with Collector(gateway, query) as feed:
            eventually(lambda: set(until) <= self.seen | set(feed.ids), seconds, f"{until}; has {sorted(self.seen)}")
            self.seen |= set(feed.ids)


# MARK: Late on the bus


@pytest.mark.rabbitmq
def test_a_score_that_one_reporter_showed_and_the_other_did_not(world):
    """The new reporter's history has a score which the bus brings late: for its readers a double, and for who comes
    from elsewhere no hole."""
    scores = world.gateway(ROLE="scores")
    old = reporter(world, scores, REACTORS=1)
    reader = Reader()
    first = scores.post("ada", 1)["id"]
    reader.read(old, [first])
    (late,) = store(world, 1)
    new = reporter(world, scores, REACTORS=1)
    time.sleep(2.5)  # past the skew, and in the place of an everyday score
    higher = scores.post("ada", 2)["id"]
    reader.read(old, [higher])
    assert late not in reader.seen
    with Collector(new, f"?after={higher}") as resumed, Collector(new) as watcher:
        watcher.wait_for(3)
        publish(world, late)
        eventually(lambda: late in resumed.ids, what="the late one")
        assert sorted(set(watcher.ids)) == [first, late, higher]
    # Whoever comes after that too.
    reader.read(new, [late])


@pytest.mark.rabbitmq
def test_a_late_double_is_left_out_where_nobody_resumed(world):
    scores = world.gateway(ROLE="scores")
    late = store(world, 3)
    gateway = reporter(world, scores)
    with Collector(gateway) as feed:
        feed.wait_for(3)
        publish(world, *late)
        live = scores.post("ada", 1)["id"]
        eventually(lambda: live in feed.ids)
        assert feed.ids == [*late, live]


@pytest.mark.rabbitmq
def test_a_score_that_came_late_before_the_reader_did(world):
    """It was not there when the reader had a higher one; on the reporter he comes to it was."""
    scores = world.gateway(ROLE="scores")
    old, new = reporter(world, scores), reporter(world, scores)
    (late,) = store(world, 1)
    reader = Reader()
    # More than what is sent again in any case.
    between = [scores.post("ada", index)["id"] for index in range(300)]
    with Collector(new) as watcher:
        reader.read(old, between)
        assert late not in reader.seen
        old.kill()
        publish(world, late)
        eventually(lambda: late in watcher.ids)
    reader.read(new, [late])


@pytest.mark.rabbitmq
def test_killed_and_restarted_while_scores_are_late(world):
    """Writers go on, a reporter dies again and again, every tenth score is published late and by another."""
    scores = world.gateway(ROLE="scores")
    reporters = [reporter(world, scores), reporter(world, scores)]
    stop, posted, waiting, kept = threading.Event(), [], [], []
    lock = threading.Lock()

    def write():
        while not stop.is_set():
            posted.append(scores.post("ada", 1)["id"])
            if len(posted) % 10 == 0:
                with lock:
                    kept.extend(waiting)
                    waiting.extend(store(world, 3))
            time.sleep(0.01)

    def publish_late():
        while not stop.is_set() or waiting:
            time.sleep(0.7)
            with lock:
                taken = waiting[:]
                waiting.clear()
            for id in taken:
                publish(world, id)
                posted.append(id)

    threads = [threading.Thread(target=write), threading.Thread(target=publish_late)]
    for thread in threads:
        thread.start()
    readers = [Reader() for _ in range(6)]
    try:
        for round_ in range(12):
            alive = [gateway for gateway in reporters if gateway.running]
            for index, each in enumerate(readers):
                each.read(alive[(round_ + index) % len(alive)], posted[-20:-10])
            if round_ % 3 == 1:
                dying = reporters[(round_ // 3) % 2]
                dying.kill()
                time.sleep(0.3)
                dying.start()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    for index, each in enumerate(readers):
        begun = min(each.seen)
        each.read(reporters[index % 2], [id for id in posted if id >= begun])
        missing = sorted({id for id in posted if id >= begun} - each.seen)
        assert not missing


@pytest.mark.rabbitmq
def test_what_came_without_an_id_is_not_passed_over(world):
    """Mixed running: the replaced publisher's messages have no id, so the log knows no highest one."""
    scores = world.gateway(ROLE="scores")
    first = store(world, 300)
    gateway = reporter(world, scores, REACTORS=1, FEED_LOG_BYTES=65536)
    reader = Reader()
    reader.seen = set(first[:5])
    with Collector(gateway, "?history=0") as feed:
        nameless = store(world, 2500)
        for begin in range(0, 2500, 100):
            lines = b"".join(b'{"user": "late", "score": 1}\n' for _ in range(100))
            world.broker.publish(world.exchange, lines, content_type="application/x-ndjson")
            feed.wait_for(begin + 100)
    reader.read(gateway, [*first[5:], *nameless])
    # And what comes while nobody reads.
    (last,) = store(world, 1)
    world.broker.publish(world.exchange, b'{"user": "late", "score": 1}')
    reader.read(gateway, [last])


# MARK: The broker goes away


@pytest.mark.rabbitmq
def test_an_outage_of_the_broker_leaves_no_hole(world, services, may_stop_servers):
    gateway = world.gateway()
    posted = []
    stop = threading.Event()

    def write():
        while not stop.is_set():
            posted.append(gateway.post("ada", 1)["id"])
            time.sleep(0.01)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with Collector(gateway) as feed:
            eventually(lambda: len(posted) > 50)
            services.rabbitmqctl("stop_app")
            eventually(lambda: "feed: broker out of reach" in gateway.log, what="the outage is noticed")
            missed = store(world, 1500, "missed")
            reader = Reader()
            reader.read(gateway, posted[:20])
            services.rabbitmqctl("start_app")
            count = len(posted)
            eventually(lambda: len(posted) > count + 50)
            stop.set()
            writer.join()
            eventually(lambda: set(posted) | set(missed) <= set(feed.ids), 60, "all that was stored")
            assert len(feed.ids) == len(set(feed.ids)), "nobody resumed with less: no double either"
            reader.read(gateway, [id for id in [*posted, *missed] if id > max(reader.seen)])
    finally:
        stop.set()
        writer.join()


# MARK: Who comes while messages arrive


@pytest.mark.parametrize("reactors", [1, 2])
def test_neither_hole_nor_double_for_who_comes_while_messages_arrive(world, reactors):
    gateway = world.gateway(REACTORS=reactors, FEED_HISTORY=100_000)
    stop, posted = threading.Event(), []

    def write():
        while not stop.is_set():
            posted.append(gateway.post("ada", 1)["id"])

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    collectors = []
    try:
        for index in range(30):
            collectors.append(Collector(gateway, client=index))
            eventually(lambda: len(posted) > 20 * len(collectors))
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    try:
        for collector in collectors:
            collector.wait_for(len(posted))
            assert sorted(collector.ids) == sorted(posted)
    finally:
        for collector in collectors:
            collector.close()


# MARK: The end of a gateway


@pytest.mark.postgresql
def test_who_is_told_to_go_has_whole_messages_up_to_there(world):
    """1001 in a flood: what came is whole and without a hole, and the rest is elsewhere."""
    first, second = world.gateway(REACTORS=1), world.gateway(REACTORS=1)
    stop, posted = threading.Event(), []

    def write():
        while not stop.is_set():
            posted.append(second.post("x" * 200, 1)["id"])

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    collectors = [Collector(first, client=index) for index in range(8)]
    try:
        for collector in collectors:
            collector.wait_for(50)
        first.stop()
        for collector in collectors:
            eventually(lambda: collector.close_code == 1001)
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    for collector in collectors:
        had = set(collector.ids)
        assert len(had) == len(collector.ids)
        collector.close()
        reader = Reader()
        reader.seen = had
        reader.read(second, [id for id in posted if id >= min(had)])


def test_after_without_anything(world):
    gateway = world.gateway()
    with subscribe(gateway, "?after=0") as feed:
        assert [gateway.post("ada", 1)] == receive(feed, 1)
