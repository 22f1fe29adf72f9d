"""The broker says no to a publish (basic.nack) on a connection that stands."""

import asyncio

import aio_pika

from waiting import eventually


def metric(gateway, name):
    lines = gateway.get("/metrics").content.decode().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + " "))


def full_queue(world, name):
    """Binds a queue that refuses what comes once it holds one message."""

    async def work():
        connection = await aio_pika.connect(world.broker_url)
        async with connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(
                name, durable=True, arguments={"x-max-length": 1, "x-overflow": "reject-publish"}
            )
            await queue.bind(await channel.get_exchange(world.exchange))

    asyncio.run(work())


def test_a_refused_message_is_published_again_by_itself(world):
    gateway = world.gateway()
    name = f"full-{world.queue}"
    full_queue(world, name)
    posted = [gateway.post("ada", index) for index in range(5)]
    eventually(lambda: metric(gateway, "score_gateway_messages_refused_total") > 0, what="a refusal")
    assert metric(gateway, "score_gateway_messages_unconfirmed") > 0
    # Refused again and again, with a rest between: no busy loop.
    refused = metric(gateway, "score_gateway_messages_refused_total")
    assert refused < 200
    world.broker.delete(queue=name)
    listener = world.broker.listen(world.exchange)
    eventually(lambda: metric(gateway, "score_gateway_messages_unconfirmed") == 0, what="all are confirmed")
    assert {score["id"] for score in listener.scores} <= {score["id"] for score in posted}


def test_what_is_confirmed_is_not_counted_as_waiting(world):
    gateway = world.gateway()
    for index in range(3):
        gateway.post("ada", index)
        eventually(lambda: metric(gateway, "score_gateway_messages_unconfirmed") == 0, what="the confirm is counted")
