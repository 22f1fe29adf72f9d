"""Batches: a JSON array or NDJSON, all or none, streamed in bounded memory, the bad one named."""

import json
import threading
import time

import pytest

from conftest import on
from lossy_link import LossyLink
from waiting import eventually
from wire import request

pytestmark = on("servers", "embedded")

NDJSON = {"Content-Type": "application/x-ndjson"}


def element(index):
    return {"user": f"u{index}", "score": index}


def array(elements):
    return json.dumps(elements), {"Content-Type": "application/json"}


def lines(elements):
    return "".join(json.dumps(one) + "\n" for one in elements), NDJSON


FORMS = pytest.mark.parametrize("form", [array, lines])


def rows(world):
    return world.sql('select id, "user", score from "Score" order by id')


def transactions(world):
    """How many are open in this database while nothing is asked of them."""
    look = "select count(*) from pg_stat_activity where state = 'idle in transaction' and datname = current_database()"
    return world.sql(look)[0][0]


def chunk(piece):
    """A piece of a body in chunked coding."""
    return b"%x\r\n%s\r\n" % (len(piece), piece)


@pytest.mark.rabbitmq
@FORMS
@pytest.mark.parametrize("count", [1, 2, 999, 1000, 1001, 5000])
def test_all_are_stored_and_published(world, form, count):
    gateway = world.gateway()
    listener = world.broker.listen(world.exchange)
    answer = gateway.request("POST", "/scores", *form([element(index) for index in range(count)]))
    assert answer.status == 200, answer.content
    told = json.loads(answer.content)
    assert list(told) == ["stored", "first_id", "last_id"]
    stored = rows(world)
    assert [row[1:] for row in stored] == [(f"u{index}", index) for index in range(count)]
    assert told == {"stored": count, "first_id": stored[0][0], "last_id": stored[-1][0]}
    listener.wait_for(count, seconds=60)
    assert sorted((score["id"], score["user"], score["score"]) for score in listener.scores) == stored
    assert all(len(delivery.scores) <= 256 for delivery in listener.deliveries)
    eventually(lambda: world.sql("select count(*) from score_outbox")[0][0] == 0)


@FORMS
def test_nothing_is_a_batch_too(gateway, form):
    answer = gateway.request("POST", "/scores", *form([]))
    assert answer.status == 200
    assert json.loads(answer.content) == {"stored": 0, "first_id": None, "last_id": None}


@FORMS
@pytest.mark.parametrize("bad", [0, 1, 700, 2400, 2499])
def test_one_bad_element_and_none_is_stored(world, form, bad):
    gateway = world.gateway()
    elements = [element(index) for index in range(2500)]
    elements[bad] = {"user": "x", "score": "5"}
    answer = gateway.request("POST", "/scores", *form(elements))
    assert answer.status == 422
    problem = json.loads(answer.content)
    place = bad if form is array else bad + 1
    assert problem["errors"][0]["loc"] == ["body", place, "score"]
    assert f"{'element' if form is array else 'line'} {place}: score" in problem["detail"]
    gateway.post("after", 1)
    assert [row[1] for row in rows(world)] == ["after"]


@pytest.mark.parametrize(
    "body", ["[", '[{"user":"a","score":1}', '[{"user":"a","score":1}]x', '[{"user":"a","score":1},]', "[}"]
)
def test_what_is_no_json_is_400(world, body):
    gateway = world.gateway()
    assert gateway.request("POST", "/scores", body).status == 400
    assert rows(world) == []


def test_a_bad_line_is_400_and_named(world):
    gateway = world.gateway()
    answer = gateway.request("POST", "/scores", '{"user":"a","score":1}\n\nnope\n', NDJSON)
    assert answer.status == 400 and "line 3" in json.loads(answer.content)["detail"]
    assert rows(world) == []


@FORMS
def test_what_the_database_refuses_is_422_for_its_batch_alone(world, form):
    if world.store == "sqlite":
        world.sql(
            """create trigger no_bob before insert on "Score" when new."user" = 'bob'
               begin select raise(abort, 'no bob'); end"""
        )
    else:
        world.sql("""alter table "Score" add constraint no_bob check ("user" <> 'bob')""")
    gateway = world.gateway(REACTORS=1)
    for count in (2, 2500):
        elements = [element(index) for index in range(count)] + [{"user": "bob", "score": 1}]
        answer = gateway.request("POST", "/scores", *form(elements))
        assert answer.status == 422, answer.content
    gateway.post("ada", 1)
    assert [row[1] for row in rows(world)] == ["ada"]


@FORMS
def test_what_the_database_swallows_is_not_acknowledged(world, form):
    """A trigger that keeps a row out without a word: nobody is told that it was stored."""
    if world.store != "sqlite":
        pytest.skip("PostgreSQL has committed the others by the time it says how many: that is told, by 503")
    world.sql(
        """create trigger no_bob before insert on "Score" when new."user" = 'bob' begin select raise(ignore); end"""
    )
    gateway = world.gateway(REACTORS=1)
    assert gateway.request("POST", "/scores", b'{"user":"bob","score":1}').status == 422
    for elements in ([element(1), {"user": "bob", "score": 1}, element(2)], [{"user": "bob", "score": 1}] * 1500):
        assert gateway.request("POST", "/scores", *form(elements)).status == 422
    elements = [element(index) for index in range(2500)] + [{"user": "bob", "score": 1}]
    assert gateway.request("POST", "/scores", *form(elements)).status == 422
    gateway.post("ada", 1)
    assert [row[1] for row in rows(world)] == ["ada"]


def test_a_single_score_keeps_its_limit(world):
    gateway = world.gateway(MAX_BODY="64KiB")
    blanks = " " * (80 << 10)
    answer = gateway.request("POST", "/scores", '{"user":"ada","score":1' + blanks + "}")
    assert answer.status == 413
    answer = gateway.request("POST", "/scores", '[{"user":"ada","score":1' + " " * (60 << 10) + "}" + blanks + "]")
    assert answer.status == 200


def test_beyond_64_mebibytes_is_413_before_anything_is_sent(gateway):
    with gateway.wire() as wire:
        head = request("POST", "/scores", b"", "Content-Type: application/x-ndjson", "Expect: 100-continue",
                       f"Content-Length: {(64 << 20) + 1}")
        wire.send(head)
        assert wire.answer().status == 413


def test_memory_does_not_grow_with_the_batch(world):
    """60 MB come in, much more slowly than they could be kept."""
    gateway = world.gateway(REACTORS=1)
    gateway.request("POST", "/scores", *lines([element(index) for index in range(5000)]))
    before = gateway.peak_memory()
    body = lines([{"user": "x" * 200, "score": index} for index in range(260_000)])
    assert 55 << 20 < len(body[0]) < 64 << 20
    answer = gateway.request("POST", "/scores", *body)
    assert answer.status == 200, answer.content
    assert world.sql('select count(*) from "Score"')[0][0] == 265_000
    assert gateway.peak_memory() - before < 16 << 20


def test_others_are_served_while_a_batch_comes(world):
    gateway = world.gateway(REACTORS=1)
    with gateway.wire() as wire:
        wire.send(request("POST", "/scores", b"", "Content-Type: application/x-ndjson", "Transfer-Encoding: chunked"))
        for part in range(5):
            piece = lines([element(index) for index in range(part * 700, part * 700 + 700)])[0].encode()
            wire.send(chunk(piece))
            assert gateway.post("between", part)["user"] == "between"
            assert gateway.get("/healthz").status == 200
        assert world.sql('select count(*) from "Score"')[0][0] == 5, "nothing of the batch is seen before its end"
        wire.send(b"0\r\n\r\n")
        assert wire.answer().json["stored"] == 3500
    assert world.sql('select count(*) from "Score"')[0][0] == 3505


@pytest.mark.postgresql
def test_a_client_that_leaves_in_the_middle_stores_nothing(world):
    gateway = world.gateway(REACTORS=1)
    for _ in range(5):
        with gateway.wire() as wire:
            wire.send(request("POST", "/scores", b"", "Content-Type: application/x-ndjson", "Transfer-Encoding: chunked"))
            piece = lines([element(index) for index in range(3000)])[0].encode()
            wire.send(chunk(piece))
            eventually(lambda: transactions(world) == 1, what="a transaction")
    eventually(lambda: transactions(world) == 0, what="no transaction stays behind")
    assert rows(world) == []
    answer = gateway.request("POST", "/scores", *lines([element(index) for index in range(3000)]))
    assert answer.status == 200


def test_more_large_batches_than_run_at_once_all_get_their_turn(world):
    gateway = world.gateway(REACTORS=1)
    answers = []
    body = lines([element(index) for index in range(3000)])
    threads = [
        threading.Thread(target=lambda: answers.append(gateway.request("POST", "/scores", *body).status))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 8
    assert world.sql('select count(*) from "Score"')[0][0] == 24_000


@pytest.mark.postgresql
def test_a_lost_connection_in_the_middle_is_503_and_stores_nothing(world):
    with LossyLink(world.database_url) as link:
        gateway = world.gateway(DATABASE_URL=link.url, REACTORS=1)
        with gateway.wire() as wire:
            wire.send(request("POST", "/scores", b"", "Content-Type: application/x-ndjson", "Transfer-Encoding: chunked"))
            piece = lines([element(index) for index in range(3000)])[0].encode()
            wire.send(chunk(piece))
            eventually(lambda: transactions(world) == 1, what="a transaction")
            link.refuse()
            link.heal()
            answer = wire.answer()
            assert answer.status == 503 and answer["retry-after"]
            # The rest is read and dropped; the connection goes on.
            wire.send(chunk(piece) + b"0\r\n\r\n")
            wire.send(request("GET", "/healthz"))
            assert wire.answer().status == 200
        gateway.wait_for("/readiness")
        assert rows(world) == []


@pytest.mark.postgresql
def test_a_lost_answer_to_the_commit_is_found_out(world):
    with LossyLink(world.database_url) as link:
        gateway = world.gateway(DATABASE_URL=link.url, REACTORS=1)
        world.sql(
            """
            create function slow() returns trigger language plpgsql as $$
                begin perform pg_sleep(1.5); return null; end $$;
            create constraint trigger slow after insert on "Score" deferrable initially deferred
                for each row when (new.score = 2999) execute function slow()
            """
        )
        answers = []
        body = lines([element(index) for index in range(3000)])
        thread = threading.Thread(target=lambda: answers.append(gateway.request("POST", "/scores", *body)))
        thread.start()
        world.wait_for_statement("COMMIT")
        link.lose_answers()
        thread.join()
        assert answers[0].status == 200, answers[0].content
        told = json.loads(answers[0].content)
        stored = rows(world)
        assert told == {"stored": 3000, "first_id": stored[0][0], "last_id": stored[-1][0]}
        assert len(stored) == 3000


@pytest.mark.postgresql
def test_a_client_too_slow_for_a_transaction_is_told_so(world):
    gateway = world.gateway(REACTORS=1)
    with gateway.wire(timeout=60) as wire:
        wire.send(request("POST", "/scores", b"", "Content-Type: application/x-ndjson", "Transfer-Encoding: chunked"))
        piece = lines([element(index) for index in range(3000)])[0].encode()
        wire.send(chunk(piece))
        answer = wire.answer()
        assert answer.status == 408
    assert transactions(world) == 0
    assert rows(world) == []


def test_kill_9_in_the_middle_of_large_batches(world):
    """All or none, whoever dies."""
    gateway = world.gateway(REACTORS=1)
    answers = []

    def send(number):
        body = lines([{"user": f"batch{number}-{index}", "score": index} for index in range(4000)])
        try:
            if gateway.request("POST", "/scores", *body).status == 200:
                answers.append(number)
        except OSError:
            pass
        except Exception:  # cut off in the middle of the answer
            pass

    threads = [threading.Thread(target=send, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    eventually(lambda: world.sql('select count(*) from "Score"')[0][0] > 0, 60)
    time.sleep(0.05)
    gateway.kill()
    for thread in threads:
        thread.join()
    time.sleep(0.5)
    counts = {}
    for (name,) in world.sql('select "user" from "Score"'):
        counts[name.split("-")[0]] = counts.get(name.split("-")[0], 0) + 1
    assert set(counts.values()) <= {4000}
    assert {f"batch{number}" for number in answers} <= set(counts)
