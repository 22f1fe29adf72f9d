"""Without servers: an SQLite file and a bus inside the process; and every mixture with PostgreSQL and RabbitMQ.

(What is the same on every store and bus is tested in `test_scores_http`, `test_batches`, `test_idempotency`, `test_feed`,
`test_resume` and `test_slack`, which run on both kinds.)"""

import contextlib
import json
import os
import sqlite3
import subprocess
import threading
import time

import pytest

import slack_stand_in as slack_answers
from conftest import KINDS
from feed import Collector, RawFeed, receive, subscribe
from gateway import Gateway, command
from waiting import eventually
from wire import request

LINES = {"Content-Type": "application/x-ndjson"}


def lines(count, prefix="u"):
    return "".join(json.dumps({"user": f"{prefix}{index}", "score": 2}) + "\n" for index in range(count))


@pytest.fixture
def alone(tmp_path):
    """Starts gateways that are told of nothing."""
    with contextlib.ExitStack() as stack:

        def start(ready=True, **env):
            made = Gateway({name: str(value) for name, value in env.items()}, tmp_path)
            stack.callback(made.kill)
            return made.start(ready)

        yield start


def test_nothing_has_to_be_set(alone, tmp_path):
    gateway = alone()
    stored = gateway.post("ada", 3)
    assert gateway.scores() == [stored]
    with subscribe(gateway) as feed:
        assert receive(feed, 1) == [stored]
        live = gateway.post("bob", 1)
        assert receive(feed, 1) == [live]
    assert (tmp_path / "scores.sqlite").exists()
    assert "poster: off" in gateway.log
    gateway.stop()
    again = alone()
    with subscribe(again) as feed:
        assert [score["user"] for score in receive(feed, 2)] == ["ada", "bob"], "the file has them"


def test_after_the_end_the_file_alone_is_the_backup(alone, tmp_path):
    """Whoever copies it need know nothing of a write-ahead log beside it."""
    gateway = alone()
    for index in range(20):
        gateway.post("ada", index)
    gateway.stop()
    copy = tmp_path / "copy.sqlite"
    copy.write_bytes((tmp_path / "scores.sqlite").read_bytes())
    with contextlib.closing(sqlite3.connect(copy)) as connection:
        assert connection.execute('select count(*) from "Score"').fetchone() == (20,)


@pytest.mark.parametrize("kind", ["embedded", "PostgreSQL, local bus"], indirect=True)
def test_kill_9_loses_nothing_that_was_answered(world):
    """Stored once, shown to who resumes, and told to Slack."""
    slack = world.slack()
    gateway = world.gateway(**slack.env)
    told, stop = [], threading.Event()

    def write(number):
        index = 0
        with contextlib.suppress(Exception):  # the end of the gateway is the end of the writer
            while not stop.is_set():
                told.append(gateway.post(f"w{number}-{index}", 2))
                index += 1

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    eventually(lambda: len(told) > 500)
    gateway.kill()
    stop.set()
    for writer in writers:
        writer.join()
    again = world.gateway(FEED_HISTORY=5, **slack.env)
    stored = {score["id"]: score for score in again.scores()}
    assert len({score["user"] for score in stored.values()}) == len(stored), "none is stored twice"
    assert all(stored[score["id"]] == score for score in told)
    with Collector(again, f"?after={told[0]['id'] - 1}") as feed:
        eventually(lambda: set(feed.ids) >= set(stored), 30, "all of them in the feed")
    slack.wait_for_told(len(stored))


@pytest.mark.parametrize("kind", ["embedded", "PostgreSQL, local bus"], indirect=True)
def test_what_slack_was_not_told_waits_in_the_store(world):
    """More than memory has room for, over a restart; and none of it holds up the feed."""
    slack = world.slack()
    slack.always = slack_answers.SERVER_ERROR
    gateway = world.gateway(**slack.env)
    with Collector(gateway) as feed:
        for part in range(20):
            assert gateway.request("POST", "/scores", lines(999, f"p{part}-"), LINES).status == 200
        assert gateway.request("POST", "/scores", lines(20_000, "large-"), LINES).status == 200
        eventually(lambda: len(set(feed.ids)) == 20 * 999 + 20_000, 30, "the feed has all")
    eventually(lambda: len(slack.posts) > 0)
    gateway.kill()
    slack.always = slack_answers.OK
    gateway = world.gateway(**slack.env)
    slack.wait_for_told(20 * 999 + 20_000, 90)
    # What was told stays told.
    eventually(lambda: gateway.metric("score_gateway_slack_waiting") == 0, what="nothing waits")
    gateway.stop()
    told = slack.told
    gateway = world.gateway(**slack.env)
    gateway.post("last", 2)
    eventually(lambda: "last" in slack.texts[-1], 30)
    assert slack.told == told + 1


@pytest.mark.parametrize("kind", ["PostgreSQL, local bus"], indirect=True)
@pytest.mark.parametrize("restarts", [False, True])
def test_slack_hears_of_a_score_that_was_committed_behind_others(world, restarts):
    """Its id was taken before theirs, and its transaction was open when they were told: it comes after all, also when the
    gateway has ended meanwhile."""
    slack = world.slack()
    gateway = world.gateway(**slack.env)
    gateway.post("first", 1)
    slack.wait_for_told(1)
    with world.services.connect(world.database_url) as other:
        other.execute("begin")
        other.execute("""insert into "Score" ("user", score) values ('late', 1)""")
        for index in range(5):
            gateway.post(f"early-{index}", 1)
        slack.wait_for_told(6)
        if restarts:
            gateway.stop()
        other.execute("commit")
    if restarts:
        gateway = world.gateway(**slack.env)
    eventually(lambda: any("late" in text for text in slack.texts), 40, "what was committed late is told")
    # The place is above it now, and what was told stays told.
    eventually(lambda: world.sql("select told from score_queue") == world.sql('select max(id) from "Score"'), 40)
    gateway.stop()
    told = slack.told
    gateway = world.gateway(**slack.env)
    gateway.post("last", 1)
    eventually(lambda: "last" in slack.texts[-1], 30)
    assert slack.told == told + 1


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "servers"], indirect=True)
def test_every_mixture_publishes_what_it_stores(world):
    gateway = world.gateway()
    listener = world.broker.listen(world.exchange) if world.bus == "rabbitmq" else None
    with Collector(gateway) as feed:
        gateway.post("single", 1)
        for count in (2, 1000, 1001, 5000):
            assert gateway.request("POST", "/scores", lines(count), LINES).status == 200
        ids = [score["id"] for score in gateway.scores("?limit=100000")]
        assert len(ids) == 7004
        eventually(lambda: sorted(feed.ids) == ids, 30, "every score once in the feed")
    if world.bus == "rabbitmq":
        eventually(lambda: sorted(score["id"] for score in listener.scores) == ids, 30, "and on the bus")
    eventually(lambda: world.sql("select count(*) from score_outbox")[0][0] == 0, what="the outbox is empty")


@pytest.mark.parametrize("kind", ["SQLite, RabbitMQ"], indirect=True)
def test_sqlite_keeps_what_the_broker_has_not_got(world, services, may_stop_servers):
    gateway = world.gateway()
    gateway.post("before", 1)
    services.rabbitmqctl("stop_app")
    for index in range(50):
        gateway.post(f"out{index}", 1)
    gateway.kill()
    services.rabbitmqctl("start_app")
    listener = world.broker.listen(world.exchange)
    world.gateway()
    eventually(lambda: {score["user"] for score in listener.scores} >= {f"out{index}" for index in range(50)}, 60)
    eventually(lambda: world.sql("select count(*) from score_outbox")[0][0] == 0, what="the outbox is empty")


def test_reads_do_not_wait_for_a_writer(alone, tmp_path):
    """Somebody has the file locked: what is to be stored is refused in time, and the rest goes on."""
    gateway = alone()
    gateway.post("ada", 1)
    with contextlib.closing(sqlite3.connect(tmp_path / "scores.sqlite", isolation_level=None)) as other:
        other.execute("begin immediate")
        answers = []
        thread = threading.Thread(
            target=lambda: answers.append(gateway.request("POST", "/scores", json.dumps({"user": "bob", "score": 1})))
        )
        thread.start()
        for _ in range(20):
            assert [score["user"] for score in gateway.scores()] == ["ada"]
            assert gateway.get("/healthz").status == 200
            time.sleep(0.05)
        thread.join()
        assert answers[0].status == 503 and b"locked" in answers[0].content
        assert answers[0].getheader("Retry-After")
    assert gateway.post("carol", 1)["user"] == "carol"
    assert [score["user"] for score in gateway.scores()] == ["ada", "carol"], "bob was told that he is not stored"


def test_of_a_batch_that_met_a_lock_nothing_is_stored(alone, tmp_path):
    """Its first part is refused while the others wait behind it: they must not be stored without it."""
    gateway = alone(REACTORS=1)
    gateway.post("ada", 1)
    whole = lines(2000).encode()
    head = request("POST", "/scores", b"", "Content-Type: application/x-ndjson", "Idempotency-Key: once",
                   f"Content-Length: {len(whole)}")
    for begin, pause in ((len(whole) * 55 // 100, 1.5), (len(whole) - 1, 8)):
        with contextlib.closing(sqlite3.connect(tmp_path / "scores.sqlite", isolation_level=None)) as other:
            other.execute("begin immediate")
            with gateway.wire() as wire:
                wire.send(head + whole[:begin])
                # Until the first part waits for the lock, or has waited in vain.
                time.sleep(pause)
                wire.send_whatever_happens(whole[begin:])
                answer = wire.answer()
                assert answer.status == 503 and b"nothing was stored" in answer.body, answer
        eventually(lambda: gateway.post("bob", 1))
        assert {score["user"] for score in gateway.scores("?limit=1000")} == {"ada", "bob"}
    with gateway.wire() as wire:
        wire.send(head + whole)
        answer = wire.answer()
        assert answer.status == 200 and answer.json["stored"] == 2000, answer


def test_a_full_disk_is_503_and_passes(alone, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("a small disk needs the right to mount one")
    try:
        gateway = alone(SCORES_FILE=disk / "scores.sqlite")
        gateway.post("ada", 1)
        filler = disk / "filler"
        with contextlib.suppress(OSError):
            filler.write_bytes(b"x" * (4 << 20))
        answer = gateway.request("POST", "/scores", lines(900), LINES)
        assert answer.status == 503 and b"disk is full" in answer.content, answer.content
        assert [score["user"] for score in gateway.scores()] == ["ada"]
        assert "database or disk is full" in gateway.log
        filler.unlink()
        assert gateway.request("POST", "/scores", lines(900), LINES).status == 200
        assert len(gateway.scores("?limit=1000")) == 901
        gateway.stop()
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


@pytest.mark.parametrize("kind", KINDS, indirect=True)
def test_it_ends_in_time_whoever_still_works(world):
    """One who does not answer the Close, and one who is still sending."""
    gateway = world.gateway(SHUTDOWN_TIMEOUT=2)
    with RawFeed(gateway), gateway.wire() as wire:
        wire.send(request("POST", "/scores", b"", "Content-Type: application/x-ndjson", "Content-Length: 900000"))
        wire.send(lines(3000))
        gateway.signal()
        assert gateway.process.wait(timeout=20) == 0
    assert "shutdown timeout: what is left is cut off" in gateway.log
    again = world.gateway()
    assert again.scores() == [], "of what was not sent to its end nothing is stored"


# MARK: What is wrong with the file


def refused(tmp_path, **env):
    result = command("serve", env={"PORT": "0", "HOST": "127.0.0.1", **env}, directory=tmp_path)
    assert result.returncode == 69, result
    return result.stdout + result.stderr


def test_a_file_has_one_gateway(alone, tmp_path):
    alone()
    assert "scores.sqlite: another gateway serves it" in refused(tmp_path)


def test_a_lock_at_the_start_is_waited_for(alone, tmp_path):
    """Whoever has it lets go of it again; who cannot wait sends a signal."""
    gateway = alone()
    gateway.stop()
    with contextlib.closing(sqlite3.connect(tmp_path / "scores.sqlite", isolation_level=None)) as other:
        other.execute("begin immediate")
        gateway.launch()
        eventually(lambda: "another program has it locked" in gateway.log and "waiting for it" in gateway.log)
        assert gateway.running
        gateway.signal()
        assert gateway.process.wait(timeout=20) == 69
        assert "cannot start" in gateway.log
        gateway.launch()
        eventually(lambda: "waiting for it" in gateway.log)
    gateway.wait_for("/readiness")
    assert gateway.post("ada", 1)


def test_a_folder_that_is_not_there(tmp_path):
    log = refused(tmp_path, DATABASE_URL="sqlite:nowhere/scores.sqlite")
    assert "nowhere/scores.sqlite: it cannot be opened: its folder is not there" in log


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "scores.sqlite").write_text("x" * 5000)
    assert "scores.sqlite: it is no SQLite database" in refused(tmp_path)


def test_a_file_of_a_newer_version(tmp_path):
    assert command("migrate", directory=tmp_path).returncode == 0
    with contextlib.closing(sqlite3.connect(tmp_path / "scores.sqlite")) as connection:
        connection.execute("pragma user_version = 99")
    assert "written by a newer version" in refused(tmp_path)


def test_an_old_schema_that_may_not_be_migrated(tmp_path):
    sqlite3.connect(tmp_path / "scores.sqlite").close()
    assert "run `score-gateway migrate`" in refused(tmp_path, AUTO_MIGRATE="0")
    assert command("migrate", directory=tmp_path).returncode == 0
    assert command("migrate", directory=tmp_path).returncode == 0, "twice is as good"


@pytest.mark.parametrize("url", ["sqlite:", "sqlite://x", "sqlite:///x.db", "sqlite::memory:"])
def test_a_url_that_names_no_file(tmp_path, url):
    result = command("serve", env={"DATABASE_URL": url}, directory=tmp_path)
    assert result.returncode == 78
    assert "DATABASE_URL" in result.stderr and "after sqlite: stands the path of a file" in result.stderr


def test_a_file_that_may_not_be_written(alone, tmp_path):
    """Root may write anything: what stands for the lacking right is a file system without it."""
    alone().stop()
    disk = tmp_path / "scores.sqlite"
    disk.chmod(0o400)
    if os.access(disk, os.W_OK) and os.geteuid() == 0:
        if subprocess.run(["mount", "--bind", tmp_path, tmp_path], capture_output=True).returncode != 0:
            pytest.skip("needs another user, or the right to mount")
        try:
            if subprocess.run(["mount", "-o", "remount,bind,ro", tmp_path], capture_output=True).returncode != 0:
                pytest.skip("needs another user, or the right to mount")
            log = refused(tmp_path)
        finally:
            subprocess.run(["umount", "-l", tmp_path], check=True)
    else:
        log = refused(tmp_path)
    assert "scores.sqlite: it may not be written" in log or "scores.sqlite: it cannot be opened" in log
