"""What readers, operators and the next start see when a server goes away below the gateway, or the gateway itself."""

import re
import signal
import time

import pytest

from feed import Collector, RawFeed, receive, subscribe
from lossy_link import LossyLink
from waiting import eventually


@pytest.fixture
def broker_away(services, may_stop_servers):
    """Call it to stop the broker; `.ends()` starts it again."""

    class Away:
        def __call__(self):
            services.rabbitmqctl("stop_app")

        def ends(self):
            services.rabbitmqctl("start_app")

    return Away()


def insert(world, count, user="sql"):
    """Scores that nobody publishes: only the history can bring them to the feed."""
    world.sql(f"""insert into "Score" ("user", score) select '{user}', n from generate_series(1, {count}) n""")


# MARK: The feed


def test_what_the_feed_missed_comes_from_the_history_and_nothing_old_with_it(world, broker_away):
    insert(world, 3000)
    gateway = world.gateway(FEED_HISTORY=5)
    with Collector(gateway) as feed:
        feed.wait_for(5)
        broker_away()
        eventually(lambda: "feed: broker out of reach" in gateway.log, what="the outage is noticed")
        insert(world, 2500, "missed")
        posted = [gateway.post("ada", index) for index in range(10)]
        broker_away.ends()
        feed.wait_for(5 + 2500 + 10, seconds=60)
        live = gateway.post("ada", 99)
        eventually(lambda: live["id"] in feed.ids, what="the live score")
        assert feed.ids == list(range(2996, 3001 + 2500 + 10 + 1)), "each once, none of the older ones"
    assert posted[-1]["id"] == live["id"] - 1
    assert "feed: broker is back" in gateway.log


def test_without_a_broker_readers_get_what_the_store_has(world, services, broker_away):
    insert(world, 20)
    broker_away()
    gateway = world.gateway(ready=False, FEED_HISTORY=5)
    with subscribe(gateway) as feed:
        assert [score["id"] for score in receive(feed, 5, timeout=30)] == [16, 17, 18, 19, 20]
        assert gateway.get("/readiness").status == 503
        insert(world, 7)
        broker_away.ends()
        assert [score["id"] for score in receive(feed, 7, timeout=30)] == list(range(21, 28))
    gateway.wait_for("/readiness")


def test_an_outage_does_not_fill_the_log(world, broker_away):
    gateway = world.gateway(SLACK_API_TOKEN="x", SLACK_CHANNEL="#x", SLACK_API_URL="http://127.0.0.1:9")
    before = len(gateway.log.splitlines())
    broker_away()
    time.sleep(8)
    lines = gateway.log.splitlines()[before:]
    broker_away.ends()
    assert 3 <= len(lines) <= 6, "\n".join(lines)  # the publishers together, the feed, the poster
    eventually(lambda: gateway.log.count("broker is back") == 3, what="a line for each part that is back")


def test_a_snapshot_of_all_memory_costs_no_memory_a_reader(world):
    insert(world, 100_000, "x" * 200)
    gateway = world.gateway(FEED_HISTORY=100_000, REACTORS=1)
    eventually(lambda: "feed: live" in gateway.log, seconds=60)
    before = gateway.peak_memory()
    readers = [RawFeed(gateway, "/ws/1?history=100000", 4096) for _ in range(20)]
    live = gateway.post("ada", 1)
    assert live["id"] == 100_001
    assert gateway.peak_memory() - before < 40 << 20, "20 readers of 28 MB each"
    for reader in readers:
        reader.wire.socket.close()


# MARK: Starting


def test_without_its_tables_it_says_what_to_do(world):
    world.sql('drop table "Score"')
    world.sql("drop table score_gateway_migrations")
    gateway = world.gateway(ready=False, AUTO_MIGRATE=0)
    eventually(lambda: "score-gateway migrate" in gateway.log, what="a line that says what to do")
    assert gateway.request("POST", "/scores", '{"user":"ada","score":1}').status == 503
    world.sql('create table "Score" (id serial primary key, "user" varchar(255), score integer default 1)')
    time.sleep(1)
    assert gateway.get("/readiness").status == 503


def test_the_page_does_not_tell_the_login_of_the_feed(world):
    gateway = world.gateway(ROLE="reporter", SCORES_API="http://127.0.0.1:9", ready=False,
                            REPORTER_URL="https://ada:hunter2@feed.example/live")
    page = gateway.get("/").content.decode()
    assert "https://feed.example/live" in page
    assert "hunter2" not in page
    assert "hunter2" not in gateway.log


def test_the_log_does_not_tell_the_login_of_the_scores_api(world):
    gateway = world.gateway(ROLE="reporter", SCORES_API="http://ada:hunter2@127.0.0.1:9", ready=False)
    eventually(lambda: "cannot read the scores" in gateway.log)
    assert "hunter2" not in gateway.log
    assert len(re.findall("cannot read the scores", gateway.log)) == 1


# MARK: Ending


def test_it_ends_in_time_while_the_broker_is_away(world, broker_away):
    gateway = world.gateway(SHUTDOWN_TIMEOUT=3)
    broker_away()
    eventually(lambda: "bus: broker out of reach" in gateway.log)
    posted = gateway.post("ada", 1)
    began = time.monotonic()
    gateway.stop()
    assert time.monotonic() - began < 15, "and not when the broker is back"
    broker_away.ends()
    listener = world.broker.listen(world.exchange)
    world.gateway()
    assert listener.wait_for(1) == [posted], "it waited in the outbox"


def test_it_ends_in_time_while_the_broker_stands_still(world):
    """What it holds for the broker is left in the outbox."""
    with LossyLink(world.broker_url) as link:
        gateway = world.gateway(SHUTDOWN_TIMEOUT=3, BROKER_URL=link.url)
        listener = world.broker.listen(world.exchange)
        link.stall()
        posted = gateway.post("ada", 1)
        began = time.monotonic()
        gateway.stop()
        assert time.monotonic() - began < 15, "and not when the broker is back"
        assert "unpublished_messages" in gateway.log
    world.gateway()
    assert listener.wait_for(1, seconds=30) == [posted]


def test_a_second_signal_ends_it_at_once_whoever_still_works(world):
    """Readers that never answer the close hold the drain up, on whichever reactor they are."""
    for _ in range(4):
        gateway = world.gateway(SHUTDOWN_TIMEOUT=20)
        with RawFeed(gateway):
            gateway.signal()
            eventually(lambda: "shutting down" in gateway.log)
            time.sleep(0.5)
            assert gateway.running
            gateway.signal(signal.SIGINT)
            assert gateway.process.wait(timeout=15) == 128 + signal.SIGINT


def test_it_ends_cleanly_under_load(world):
    """Every score that was answered 2xx is stored and was published."""
    import json
    import threading

    gateway = world.gateway()
    listener = world.broker.listen(world.exchange)
    stored, stop = [], threading.Event()

    def write(name):
        while not stop.is_set():
            try:
                answer = gateway.request("POST", "/scores", json.dumps({"user": name, "score": 1}))
            except OSError:
                return
            except Exception:  # cut off while reading: was not answered
                return
            if answer.status == 200:
                stored.append(json.loads(answer.content)["id"])

    writers = [threading.Thread(target=write, args=(f"w{index}",)) for index in range(8)]
    for writer in writers:
        writer.start()
    eventually(lambda: len(stored) > 200)
    try:
        gateway.stop()
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    in_table = {row[0] for row in world.sql('select id from "Score"')}
    assert set(stored) <= in_table
    eventually(lambda: in_table <= {score["id"] for score in listener.scores}, what="all that is stored was published")
