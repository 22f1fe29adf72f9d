"""Sections 5 and 6: the table and its take-over, outages, and what a 2xx promises."""

import json
import subprocess
import threading
from urllib.parse import urlsplit

import psycopg
import pytest

from gateway import binary, command
from waiting import eventually
from wire import post, request

# As SQLAlchemy made it for the replaced service.
REPLACED_TABLE = """
    CREATE TABLE "Score" (id SERIAL NOT NULL, "user" VARCHAR(255), score INTEGER, PRIMARY KEY (id));
    CREATE INDEX "ix_Score_user" ON "Score" ("user");
    CREATE INDEX "ix_Score_id" ON "Score" (id);
"""
# And as the replaced service writes to it.
REPLACED_INSERT = 'INSERT INTO "Score" ("user", score) VALUES (%s, %s) RETURNING id'


@pytest.fixture
def empty(services):
    """The URL of a database with nothing in it."""
    url = services.create_database()
    yield url
    services.drop_database(url)


def migrate(url, **env):
    return command("migrate", env={"DATABASE_URL": url, **env})


def columns(services, url):
    with services.connect(url) as connection:
        return dict(
            connection.execute(
                """select column_name, data_type || coalesce('(' || character_maximum_length || ')', '')
                   || case is_nullable when 'NO' then ' not null' else '' end
                   || coalesce(' default ' || split_part(column_default, '(', 1), '')
                   from information_schema.columns where table_name = 'Score'"""
            ).fetchall()
        )


def indexes(services, url):
    with services.connect(url) as connection:
        rows = connection.execute("select indexname from pg_indexes where tablename = 'Score'").fetchall()
    return {name for (name,) in rows}


def test_migrate_makes_the_table(services, empty):
    result = migrate(empty)
    assert result.returncode == 0, result.stderr
    assert result.stdout or result.stderr, "it says what it did"
    made = columns(services, empty)
    assert made["id"].startswith("bigint not null")
    assert made["user"].startswith("character varying(255)")
    assert made["score"].startswith("integer")
    assert made["created_at"] == "timestamp with time zone not null default now"
    assert "ix_Score_user" in indexes(services, empty) and "ix_Score_id" not in indexes(services, empty)


def test_migrate_twice_changes_nothing(services, empty):
    assert migrate(empty).returncode == 0
    before = (columns(services, empty), indexes(services, empty))
    assert migrate(empty).returncode == 0
    assert (columns(services, empty), indexes(services, empty)) == before


def test_migrate_many_times_at_once(services, empty):
    processes = [
        subprocess.Popen([binary(), "migrate"], env={"DATABASE_URL": empty}, stderr=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    assert columns(services, empty)["id"].startswith("bigint")


def test_the_table_of_the_replaced_service_is_taken_over(services, world, empty):
    with services.connect(empty) as old_service:
        old_service.execute(REPLACED_TABLE)
        for index in range(100):
            old_service.execute(REPLACED_INSERT, (f"old-{index}", index))
        old_service.execute('INSERT INTO "Score" ("user", score) VALUES (NULL, NULL)')
        old_service.execute('DELETE FROM "Score" WHERE "user" IS NULL')
        result = migrate(empty)
        assert result.returncode == 0, result.stderr
        assert columns(services, empty)["id"].startswith("bigint")
        assert indexes(services, empty) == {"Score_pkey", "ix_Score_user"}

        gateway = world.gateway(DATABASE_URL=empty)
        scores = gateway.scores()
        assert [(score["user"], score["score"]) for score in scores] == [(f"old-{index}", index) for index in range(100)]
        # The old service goes on beside ours, in one sequence of ids.
        stored = gateway.post("new", 1)
        (other,) = old_service.execute(REPLACED_INSERT, ("old", 2)).fetchone()
        again = gateway.post("new", 3)
        assert 101 < stored["id"] < other < again["id"]
        assert [score["user"] for score in gateway.scores("?after=101")] == ["new", "old", "new"]
        # Ids go on where a serial ended.
        old_service.execute("select setval(pg_get_serial_sequence('\"Score\"', 'id'), 2147483647)")
        assert gateway.post("beyond", 4)["id"] == 2147483648
        assert gateway.get("/scores/2147483648").status == 200


def test_rows_that_only_the_old_table_allows_do_not_break_reading(services, world, empty):
    with services.connect(empty) as old_service:
        old_service.execute(REPLACED_TABLE)
        for row in [("ada", 1), (None, 2), ("bob", None), ("", 3), ("ada", 4)]:
            old_service.execute(REPLACED_INSERT, row)
    gateway = world.gateway(DATABASE_URL=empty)
    scores = gateway.scores()
    assert [score["id"] for score in scores if score.get("user") == "ada"] == [1, 5]


def test_a_widened_column_is_an_error_and_no_end(services, world, empty):
    """Its owner may do that while it is served. What then fits no score is told of, and ends nobody."""
    gateway = world.gateway(DATABASE_URL=empty)
    first = gateway.post("ada", 1)
    with services.connect(empty) as connection:
        connection.execute('alter table "Score" alter score type bigint')
        connection.execute("""insert into "Score" ("user", score) values ('wide', 3000000000)""")
        for _ in range(3):
            assert gateway.get("/scores").status == 503
        assert gateway.get(f"/scores/{first['id']}").status in (200, 503), "its statement may be of the old table"
        eventually(lambda: "integer out of range" in gateway.log)
        assert gateway.post("bob", 2)["id"] == first["id"] + 2
        connection.execute("""delete from "Score" where "user" = 'wide'""")
    eventually(lambda: gateway.get("/scores").status == 200)
    assert [score["user"] for score in gateway.scores()] == ["ada", "bob"]


def test_a_standby_is_no_place_to_write(services, world, empty):
    """It is left for another host where there is one, and said to be none where there is not."""
    name = urlsplit(empty).path[1:]
    assert migrate(empty).returncode == 0
    with services.connect(world.database_url) as connection:
        connection.execute(f'alter database "{name}" set default_transaction_read_only = on')
        gateway = world.gateway(ready=False, DATABASE_URL=empty, AUTO_MIGRATE=0)
        eventually(lambda: "read-only" in gateway.log)
        assert gateway.get("/readiness").status == 503
        connection.execute(f'alter database "{name}" reset default_transaction_read_only')
    gateway.wait_for("/readiness")
    gateway.post("ada", 1)


def test_a_connection_that_nobody_writes_on_is_told_of_too(services, world, empty):
    """The sweeper's, of a table that is not there: what it should publish would wait unseen."""
    assert migrate(empty).returncode == 0
    with services.connect(empty) as connection:
        connection.execute("drop table score_queue")
        gateway = world.gateway(ready=False, DATABASE_URL=empty, AUTO_MIGRATE=0)
        eventually(lambda: "outbox: database: the tables are missing or of an older version" in gateway.log)


def test_serving_migrates_unless_told_not_to(services, world, empty):
    with services.connect(empty) as old_service:
        old_service.execute(REPLACED_TABLE)
    world.gateway(DATABASE_URL=empty, ready=False, AUTO_MIGRATE=0).stop()
    assert "created_at" not in columns(services, empty)
    world.gateway(DATABASE_URL=empty)
    assert "created_at" in columns(services, empty)


def test_migrate_waits_and_says_for_what(empty, tmp_path):
    """A database that refuses may be one that is not set up yet: it is asked again, within a bound."""
    log = tmp_path / "migrate.log"
    with open(log, "w") as errors:
        process = subprocess.Popen(
            [binary(), "migrate"],
            env={"DATABASE_URL": empty.replace("score:", "score:wrong-")},
            cwd=tmp_path,
            stderr=errors,
            stdout=errors,
        )
    try:
        eventually(lambda: "password authentication failed" in log.read_text(), what="the reason")
        assert process.poll() is None
        process.terminate()
        assert process.wait(timeout=20) != 0, "it did not migrate"
    finally:
        process.kill()
        process.wait()
    assert "wrong-" not in log.read_text()


# MARK: Group commit


def test_two_hundred_at_once_are_all_stored_once(world):
    gateway = world.gateway()
    results, failures = [], []

    def write(part):
        try:
            with gateway.wire() as wire:
                for index in range(10):
                    wire.send(post(f"w{part}", index))
                    results.append(wire.answer().json)
        except Exception as error:  # noqa: BLE001 - reported below, on the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=write, args=(part,)) for part in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    stored = {row[0]: row[1:] for row in world.sql('select id, "user", score from "Score"')}
    assert len(results) == len(stored) == 200
    assert all(stored[result["id"]] == (result["user"], result["score"]) for result in results)
    assert len(set(stored.values())) == 200


def test_a_row_that_the_database_refuses_does_not_fail_its_neighbours(world):
    world.sql("""alter table "Score" add constraint no_poison check ("user" <> 'poison')""")
    gateway = world.gateway(REACTORS=1)
    for _ in range(3):
        users = ["poison" if index % 7 == 3 else f"good-{index}" for index in range(30)]
        with gateway.wire() as wire:
            wire.send(b"".join(post(user, 1) for user in users))
            answers = [wire.answer() for _ in users]
        for user, answer in zip(users, answers):
            if user == "poison":
                assert answer.status >= 400 and answer.status != 503, "it is refused for good, not for now"
                assert b"no_poison" not in answer.body, "the database's words are for the log"
            else:
                assert (answer.status, answer.json["user"]) == (200, user)
    good = sum(user != "poison" for user in users) * 3
    assert world.sql('select count(*) from "Score"') == [(good,)]


# MARK: Outages


def test_database_restart(world, services, may_stop_servers):
    gateway = world.gateway()
    first = gateway.post("before", 1)
    services.stop_postgres()
    for method, target, body in [
        ("POST", "/scores", b'{"user":"during","score":1}'),
        ("GET", "/scores", b""),
        ("GET", f"/scores/{first['id']}", b""),
    ]:
        with gateway.wire(timeout=30) as wire:
            wire.send(request(method, target, body))
            answer = wire.answer()
        assert answer.status == 503, (target, answer.body)
        assert int(answer["retry-after"]) > 0
    gateway.wait_for("/readiness", status=503)
    assert gateway.get("/healthz").status == 200
    services.start_postgres()
    gateway.wait_for("/readiness", seconds=60)
    second = gateway.post("after", 2)
    assert [score["user"] for score in gateway.scores() if score["id"] in (first["id"], second["id"])] == ["before", "after"]


def test_it_starts_without_a_database_and_finds_it_later(world, services, may_stop_servers):
    services.stop_postgres()
    gateway = world.gateway(ready=False)
    refusal = gateway.get("/readiness")
    assert refusal.status == 503 and b"atabase" in refusal.content
    services.start_postgres()
    gateway.wait_for("/readiness", seconds=60)
    assert gateway.post("ada", 1)["id"]


class Writers:
    """Clients that post without pause and remember what was answered with 200."""

    def __init__(self, gateway, count=4):
        self.stored, self.others, self._ending = [], [], False
        self._threads = [threading.Thread(target=self._write, args=(gateway, part)) for part in range(count)]
        for thread in self._threads:
            thread.start()

    def _write(self, gateway, part):
        index = 0
        while not self._ending:
            try:
                with gateway.wire() as wire:
                    while not self._ending:
                        index += 1
                        wire.send(post(f"w{part}-{index}", index))
                        answer = wire.answer()
                        if answer.status == 200:
                            self.stored.append(answer.json)
                        else:
                            self.others.append(answer.status)
            except (OSError, AssertionError):
                if not gateway.running:
                    return

    def end(self):
        self._ending = True
        for thread in self._threads:
            thread.join()


def check_promises(world, writers):
    """Every 200 is a row, once; and no row of a score is there twice."""
    rows = {row[0]: row[1] for row in world.sql('select id, "user" from "Score"')}
    for score in writers.stored:
        assert rows.get(score["id"]) == score["user"]
    assert len({score["id"] for score in writers.stored}) == len(writers.stored)
    assert len(set(rows.values())) == len(rows), "a score was stored twice"


def test_lost_database_connections_lose_no_answered_write(world):
    gateway = world.gateway()
    writers = Writers(gateway)
    name = world.database_url.rsplit("/", 1)[1]
    try:
        with world.services.connect() as admin:
            for _ in range(5):
                seen = len(writers.stored)
                eventually(lambda: len(writers.stored) > seen + 50, what="the writers go on")
                admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,))
        seen = len(writers.stored)
        eventually(lambda: len(writers.stored) > seen + 50, what="the writers go on after the last one")
    finally:
        writers.end()
    assert set(writers.others) <= {503}, set(writers.others)
    check_promises(world, writers)


def test_kill_9_loses_no_answered_write(world):
    gateway = world.gateway()
    writers = Writers(gateway)
    eventually(lambda: len(writers.stored) > 300, what="300 scores")
    gateway.kill()
    writers.end()
    check_promises(world, writers)
    again = world.gateway()
    assert {score["id"] for score in again.scores()} >= {score["id"] for score in writers.stored}


def test_a_statement_that_hangs_is_given_up(world):
    """Somebody holds a lock on the table: writers are told so in time, and the gateway recovers."""
    gateway = world.gateway()
    gateway.post("before", 1)
    with psycopg.connect(world.database_url) as blocker:
        blocker.execute('lock table "Score" in access exclusive mode')
        with gateway.wire(timeout=60) as wire:
            wire.send(post("during", 1))
            answer = wire.answer()
        assert answer.status == 503 and answer["retry-after"]
        assert gateway.get("/healthz").status == 200
        blocker.rollback()

    def written():
        response = gateway.request("POST", "/scores", json.dumps({"user": "after", "score": 1}))
        return response.status == 200

    eventually(written, 60, "writes again")
