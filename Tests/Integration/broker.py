"""A client of the broker that nobody here wrote: aio-pika, on a thread of its own."""

import asyncio
import dataclasses
import json
import threading
import uuid

import aio_pika

from waiting import eventually


@dataclasses.dataclass
class Delivery:
    body: bytes
    content_type: str | None
    delivery_mode: int
    message_id: str | None
    timestamp: object
    routing_key: str

    @property
    def scores(self):
        """A single object, or one a line."""
        if self.content_type == "application/x-ndjson":
            return [json.loads(line) for line in self.body.splitlines()]
        return [json.loads(self.body)]


class Listener:
    """What came to an exclusive queue on an exchange since it was bound."""

    def __init__(self):
        self.deliveries = []

    @property
    def scores(self):
        return [score for delivery in list(self.deliveries) for score in delivery.scores]

    def wait_for(self, count, seconds=20):
        eventually(lambda: len(self.scores) >= count, seconds, f"{count} scores; there are {len(self.scores)}")
        return self.scores


class Broker:
    def __init__(self, url):
        self.url = url
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._connections = []

    def close(self):
        async def end():
            for connection in self._connections:
                await connection.close()

        self._run(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    async def _channel(self):
        connection = await aio_pika.connect(self.url, timeout=10)
        self._connections.append(connection)
        return await connection.channel()

    def declare(self, exchange, durable):
        async def work():
            channel = await self._channel()
            await channel.declare_exchange(exchange, aio_pika.ExchangeType.FANOUT, durable=durable)

        self._run(work())

    def declare_queue(self, queue, **arguments):
        """A durable queue, with arguments such as `x_queue_type="quorum"`."""

        async def work():
            channel = await self._channel()
            named = {name.replace("_", "-"): value for name, value in arguments.items()}
            await channel.declare_queue(queue, durable=True, arguments=named)

        self._run(work())

    def listen(self, exchange):
        """Binds a queue to an exchange that is there."""
        listener = Listener()

        async def receive(message):
            listener.deliveries.append(
                Delivery(
                    message.body,
                    message.content_type,
                    int(message.delivery_mode),
                    message.message_id,
                    message.timestamp,
                    message.routing_key,
                )
            )

        async def work():
            channel = await self._channel()
            queue = await channel.declare_queue(exclusive=True)
            await queue.bind(await channel.get_exchange(exchange))
            await queue.consume(receive, no_ack=True)

        self._run(work())
        return listener

    def keep(self, exchange):
        """Binds a durable queue, which outlives the broker's restarts: its name. `taken` reads it."""
        name = f"kept-{uuid.uuid4().hex[:12]}"

        async def work():
            channel = await self._channel()
            queue = await channel.declare_queue(name, durable=True)
            await queue.bind(await channel.get_exchange(exchange))

        self._run(work())
        return name

    def taken(self, queue):
        """The scores that wait in a queue; they wait no more."""

        async def work():
            channel = await self._channel()
            declared = await channel.declare_queue(queue, passive=True)
            scores = []
            while message := await declared.get(no_ack=True, fail=False):
                scores += [json.loads(line) for line in message.body.splitlines()]
            return scores

        return self._run(work())

    def publish(self, exchange, body, **properties):
        """As the replaced services publish: persistent, a message id, no content type; `properties` differ."""
        properties = {"message_id": uuid.uuid4().hex, "priority": 0, "headers": {}, **properties}

        async def work():
            channel = await self._channel()
            message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT, **properties)
            await (await channel.get_exchange(exchange)).publish(message, routing_key="kolga", mandatory=True)

        self._run(work())

    def depth(self, queue):
        """How many messages wait in a queue."""

        async def work():
            channel = await self._channel()
            declared = await channel.declare_queue(queue, passive=True)
            return declared.declaration_result.message_count

        return self._run(work())

    def delete(self, exchange=None, queue=None):
        async def work():
            channel = await self._channel()
            if queue:
                await channel.queue_delete(queue)
            if exchange:
                await channel.exchange_delete(exchange)

        self._run(work())
