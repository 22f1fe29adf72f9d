"""Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07): a retry is safe, whatever became of the first try."""

import concurrent.futures
import json
import uuid

import pytest

from conftest import on
from lossy_link import LossyLink
from test_outbox import posting, slow_commit
from waiting import eventually
from wire import post

pytestmark = on("servers", "embedded")


def send(gateway, body, key, content_type="application/json"):
    body = body if isinstance(body, (str, bytes)) else json.dumps(body)
    return gateway.request("POST", "/scores", body, {"Content-Type": content_type, "Idempotency-Key": key})


def rows(world):
    return world.sql('select id, "user", score from "Score" order by id')


def a_key():
    return f'"{uuid.uuid4()}"'


ADA = {"user": "ada", "score": 3}


def test_the_same_key_and_body_get_the_first_answer_again(world):
    gateway = world.gateway()
    key = a_key()
    first = send(gateway, ADA, key)
    again = send(gateway, ADA, key)
    assert first.status == again.status == 200
    assert first.content == again.content
    assert json.loads(first.content)["user"] == "ada"
    assert len(rows(world)) == 1
    assert gateway.metric("score_gateway_requests_replayed_total") == 1


def test_quotes_are_wanted_but_not_insisted_on(world):
    gateway = world.gateway()
    assert send(gateway, ADA, '"k 1"').content == send(gateway, ADA, '"k 1"').content
    assert send(gateway, ADA, '"k2"').content == send(gateway, ADA, "k2").content
    assert len(rows(world)) == 2


def test_another_body_is_422(world):
    gateway = world.gateway()
    key = a_key()
    assert send(gateway, ADA, key).status == 200
    # Also one that means the same: it is the bytes that are compared.
    for body in [{"user": "ada", "score": 4}, '{"score":3,"user":"ada"}', [ADA]]:
        answer = send(gateway, body, key)
        assert answer.status == 422, answer.content
        assert "Idempotency-Key" in json.loads(answer.content)["detail"]
    assert len(rows(world)) == 1


@pytest.mark.parametrize("key", ["", '""', '"a', "a b", "a,b", '"a\\n"', "x" * 256])
def test_what_is_no_key_is_400(gateway, key):
    assert send(gateway, ADA, key).status == 400


def test_two_keys_are_400(gateway):
    with gateway.wire() as wire:
        wire.send(post("ada", 3, "Idempotency-Key: a", "Idempotency-Key: a"))
        assert wire.answer().status == 400


def test_a_wrong_body_uses_no_key_up(world):
    gateway = world.gateway()
    key = a_key()
    assert send(gateway, {"user": "ada"}, key).status == 422
    assert send(gateway, "no json", key).status == 400
    assert send(gateway, ADA, key).status == 200


@pytest.mark.postgresql
def test_a_second_request_while_the_first_runs_is_409(world):
    gateway = world.gateway()
    slow_commit(world, 1)
    answers, thread = posting(gateway, "ada", {"Idempotency-Key": "k"})
    world.wait_for_statement("%score_idempotency%")
    second = send(gateway, {"user": "ada", "score": 7}, "k")
    assert second.status == 409 and second.getheader("Retry-After")
    thread.join()
    assert answers[0].status == 200
    assert send(gateway, {"user": "ada", "score": 7}, "k").content == answers[0].content
    assert len(rows(world)) == 1


@pytest.mark.postgresql
def test_at_another_process_it_waits_for_the_first_one(world):
    gateway, other = world.gateway(), world.gateway(ROLE="scores")
    slow_commit(world, 1)
    answers, thread = posting(gateway, "ada", {"Idempotency-Key": "k"})
    world.wait_for_statement("%score_idempotency%")
    second = send(other, {"user": "ada", "score": 7}, "k")
    thread.join()
    assert second.status == 200 and second.content == answers[0].content
    assert len(rows(world)) == 1


@pytest.mark.postgresql
def test_many_at_once_store_one_score_a_key(world):
    gateways = [world.gateway(), world.gateway(ROLE="scores")]
    keys = [f"k{index % 10}" for index in range(200)]

    def insist(index):
        body = json.dumps({"user": keys[index], "score": 1})
        while (answer := send(gateways[index % 2], body, keys[index])).status == 409:
            pass
        assert answer.status == 200, answer.content
        return keys[index], answer.content

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = set(pool.map(insist, range(200)))
    assert len(answers) == 10, "one answer a key"
    assert sorted(row[1] for row in rows(world)) == sorted(set(keys))


def test_a_key_outlives_the_process(world):
    gateway = world.gateway()
    key = a_key()
    first = send(gateway, ADA, key)
    gateway.kill()
    assert send(world.gateway(), ADA, key).content == first.content
    assert len(rows(world)) == 1


def test_after_a_day_a_key_is_new(world):
    gateway = world.gateway()
    key = a_key()
    first = send(gateway, ADA, key)
    age = "%d * 60000000" if world.store == "sqlite" else "interval '%d minutes'"
    world.sql("update score_idempotency set created_at = created_at - " + age % (23 * 60 + 59))
    assert json.loads(send(gateway, ADA, key).content)["id"] == json.loads(first.content)["id"]
    world.sql("update score_idempotency set created_at = created_at - " + age % 1)
    second = send(gateway, {"user": "bob", "score": 4}, key)
    assert second.status == 200 and json.loads(second.content)["user"] == "bob"
    assert send(gateway, {"user": "bob", "score": 4}, key).content == second.content
    assert len(rows(world)) == 2


@pytest.mark.postgresql
def test_a_lost_answer_and_a_lost_connection_store_once(world):
    """The client has no answer and the gateway none either: the retry finds what was stored."""
    with LossyLink(world.database_url) as link:
        gateway = world.gateway(DATABASE_URL=link.url)
        link.lose_answers()
        answer = send(gateway, ADA, "k")
        assert answer.status == 200, answer.content
        assert send(gateway, ADA, "k").content == answer.content
    assert len(rows(world)) == 1


@pytest.mark.rabbitmq
def test_it_is_published_once(world):
    gateway = world.gateway()
    listener = world.broker.listen(world.exchange)
    key = a_key()
    for _ in range(3):
        assert send(gateway, ADA, key).status == 200
    last = gateway.post("last", 1)
    eventually(lambda: last["id"] in [score["id"] for score in listener.scores])
    assert [score["user"] for score in listener.scores] == ["ada", "last"]
    eventually(lambda: world.sql("select count(*) from score_outbox")[0][0] == 0)


@pytest.mark.parametrize("count", [1, 3, 2500])
def test_it_works_for_batches(world, count):
    gateway = world.gateway()
    key = a_key()
    elements = [{"user": f"u{index}", "score": index} for index in range(count)]
    first = send(gateway, elements, key)
    assert first.status == 200, first.content
    told = json.loads(first.content)
    assert told["stored"] == count and told["last_id"] - told["first_id"] == count - 1
    assert send(gateway, elements, key).content == first.content
    assert send(gateway, [*elements, ADA], key).status == 422
    lines = "\n".join(map(json.dumps, elements))
    assert send(gateway, lines, key, "application/x-ndjson").status == 422
    assert len(rows(world)) == count


def test_a_batch_with_a_key_that_is_refused_can_be_sent_again(world):
    gateway = world.gateway()
    key = a_key()
    elements = [{"user": f"u{index}", "score": index} for index in range(2500)]
    assert send(gateway, [*elements, {"user": "x"}], key).status == 422
    assert rows(world) == []
    assert send(gateway, elements, key).status == 200
    assert len(rows(world)) == 2500


def test_requests_without_a_key_are_not_touched_by_those_with_one(world):
    gateway = world.gateway()
    send(gateway, ADA, "k")
    gateway.post("bob", 1)
    assert world.sql("select count(*) from score_idempotency")[0][0] == 1
