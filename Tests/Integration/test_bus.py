"""Section 4: AMQP, with aio-pika at the other end."""

import json

import pytest

from feed import Collector, receive, subscribe
from waiting import eventually
from wire import post


def test_a_post_is_a_message(world):
    gateway = world.gateway()
    listener = world.broker.listen(world.exchange)
    stored = gateway.post("Jörgen", 7)
    listener.wait_for(1)
    (message,) = listener.deliveries
    assert json.loads(message.body) == stored
    assert message.content_type == "application/json"
    assert message.delivery_mode == 2
    assert message.routing_key == "kolga"
    assert message.message_id and message.timestamp


def test_the_default_names(services, world):
    vhost = services.create_vhost()
    try:
        slack = world.slack()
        gateway = world.gateway(BROKER_URL=vhost, BROKER_EXCHANGE=None, POSTER_QUEUE=None, **slack.env)
        gateway.post("ada", 3)
        assert slack.wait_for(1)
        name = vhost.rsplit("/", 1)[1]
        exchanges = services.rabbitmqctl("list_exchanges", "-p", name, "name", "type", "durable", "auto_delete")
        assert ["scores", "fanout", "true", "false"] in [line.split("\t") for line in exchanges.splitlines()]
        queues = services.rabbitmqctl("list_queues", "-p", name, "name", "durable", "auto_delete", "exclusive")
        rows = [line.split("\t") for line in queues.splitlines()]
        assert ["poster", "true", "false", "false"] in rows
        # The reporter's own: exclusive, gone with it.
        assert [row for row in rows if row[0] != "poster" and row[2:] == ["true", "true"]]
        gateway.stop()
        queues = services.rabbitmqctl("list_queues", "-p", name, "name").split()
        assert "poster" in queues and len([queue for queue in queues if queue not in ("name", "poster")]) == 0
    finally:
        services.rabbitmqctl("delete_vhost", vhost.rsplit("/", 1)[1])


def many(gateway, count, user="ada"):
    """Scores in one write, so that they meet in the batches of the store: their ids."""
    with gateway.wire() as wire:
        wire.send(b"".join(post(user, index) for index in range(count)))
        return [wire.answer().json["id"] for _ in range(count)]


def test_a_batch_is_one_message_of_lines(world):
    gateway = world.gateway(BROKER_MAX_BATCH=4, REACTORS=1)
    listener = world.broker.listen(world.exchange)
    with Collector(gateway) as feed:
        ids = many(gateway, 200)
        listener.wait_for(200)
        feed.wait_for(200)
        assert sorted(score["id"] for score in listener.scores) == sorted(ids) == sorted(feed.ids)
    sizes = [len(message.scores) for message in listener.deliveries]
    assert max(sizes) <= 4 and max(sizes) > 1, sizes
    for message in listener.deliveries:
        lines = message.content_type == "application/x-ndjson"
        assert lines == (len(message.scores) > 1)
        assert message.message_id
        for score in message.scores:
            assert list(score) == ["id", "user", "score", "created_at"]
    assert len({message.message_id for message in listener.deliveries}) == len(listener.deliveries)


def test_one_message_a_score_for_python_services(world):
    gateway = world.gateway(BROKER_MAX_BATCH=1)
    listener = world.broker.listen(world.exchange)
    ids = many(gateway, 100)
    listener.wait_for(100)
    assert len(listener.deliveries) == 100
    assert {message.content_type for message in listener.deliveries} == {"application/json"}
    assert sorted(score["id"] for score in listener.scores) == sorted(ids)


def test_a_message_of_the_replaced_publisher_is_shown_and_posted(world):
    slack = world.slack()
    gateway = world.gateway(**slack.env)
    with subscribe(gateway, "?history=0") as feed:
        world.broker.publish(world.exchange, b'{"user": "J\\u00f6rgen", "score": 7}')
        assert receive(feed, 1) == [{"user": "Jörgen", "score": 7}], "unknown members are left out, never invented"
        assert slack.wait_for(1) == [":tada: Jörgen just scored 7 points"]
        # And what comes after it has an id, as ever.
        assert [gateway.post("ada", 1)] == receive(feed, 1)


def test_a_batch_of_another_publisher(world):
    gateway = world.gateway()
    lines = b'{"id":901,"user":"a","score":1}\n{"user":"b","score":2}\n'
    with subscribe(gateway, "?history=0") as feed:
        world.broker.publish(world.exchange, lines, content_type="application/x-ndjson")
        assert receive(feed, 2) == [{"id": 901, "user": "a", "score": 1}, {"user": "b", "score": 2}]


def test_garbage_breaks_nothing_and_does_not_stay(world):
    slack = world.slack()
    gateway = world.gateway(**slack.env)
    garbage = [
        b"",
        b"\xff\xfe",
        b"not json",
        b"[]",
        b"null",
        b'{"user":1,"score":"x"}',
        b'{"user":"ada"}',
        b'{"user":"ada","score":1}{"user":"eve","score":2}',
        b'{"user":"' + b"x" * 100_000 + b'","score":1}',
        b"[" * 100_000,
        b"x" * 3_000_000,
    ]
    with subscribe(gateway, "?history=0") as feed:
        for body in garbage:
            world.broker.publish(world.exchange, body)
            world.broker.publish(world.exchange, body, content_type="application/json")
        world.broker.publish(world.exchange, b'{"user":"a","score":1}\nbad\n', content_type="application/x-ndjson")
        world.broker.publish(world.exchange, b"\0" * 10, content_type="image/png", content_encoding="gzip")
        stored = gateway.post("after", 1)
        while (score := receive(feed, 1)[0]) != stored:
            assert score == {"user": "a", "score": 1}, "only the good line of the batch may have come through"
    eventually(lambda: ":tada: after just scored 1 point" in slack.accepted, what="the good one at Slack")
    assert set(slack.accepted) <= {":tada: after just scored 1 point", ":tada: a just scored 1 point"}
    gateway.stop()
    assert world.broker.depth(world.queue) == 0, "what is no score is acknowledged"


@pytest.mark.parametrize("durable", [False, True])
def test_an_exchange_that_exists_is_used_as_it_is(world, durable):
    world.broker.declare(world.exchange, durable=durable)
    listener = world.broker.listen(world.exchange)
    gateway = world.gateway()
    with subscribe(gateway) as feed:
        stored = gateway.post("ada", 1)
        assert receive(feed, 1) == [stored]
    assert listener.wait_for(1) == [stored]


def test_a_non_durable_exchange_when_asked_for(world):
    world.gateway(BROKER_EXCHANGE_DURABLE=0)
    world.broker.declare(world.exchange, durable=False)  # would be refused if it were durable


def test_the_feed_outlives_a_restart_of_the_broker(world, services, may_stop_servers):
    """In the replaced services nobody came back, and what was posted meanwhile was lost."""
    slack = world.slack()
    gateway = world.gateway(**slack.env)
    with Collector(gateway) as feed:
        before = gateway.post("before", 1)
        feed.wait_for(1)
        slack.wait_for(1)
        services.rabbitmqctl("stop_app")
        meanwhile = [gateway.post("meanwhile", index) for index in range(3)]
        assert gateway.get("/healthz").status == 200
        assert gateway.get("/readiness").status == 200, "taking it out would make it worse"
        services.rabbitmqctl("start_app")
        after = gateway.post("after", 1)
        eventually(lambda: after["id"] in feed.ids, 60, "the feed goes on")
        everything = {score["id"] for score in [before, *meanwhile, after]}
        eventually(lambda: everything <= set(feed.ids), 60, "what was posted meanwhile")
        assert feed.close_code is None, "the same connection all the time"
    eventually(lambda: len(set(slack.accepted)) >= 5, 60, "Slack got all of them")


def test_it_starts_without_a_broker_and_finds_it_later(world, services, may_stop_servers):
    services.rabbitmqctl("stop_app")
    gateway = world.gateway(ready=False)
    eventually(lambda: b"broker" in gateway.get("/readiness").content, what="what is missing is named")
    assert gateway.get("/readiness").status == 503
    assert gateway.get("/healthz").status == 200
    services.rabbitmqctl("start_app")
    gateway.wait_for("/readiness", seconds=60)
    with subscribe(gateway) as feed:
        assert [gateway.post("ada", 1)] == receive(feed, 1)


def test_the_loss_of_a_connection_loses_nothing(world, services, may_stop_servers):
    """The broker closes every connection while scores are written."""
    gateway = world.gateway()
    with Collector(gateway, client=1) as feed:
        ids = []
        for _ in range(3):
            ids += many(gateway, 50)
            services.rabbitmqctl("close_all_connections", "a test")
            ids += many(gateway, 50)
        eventually(lambda: set(ids) <= set(feed.ids), 60, "every score in the feed")
