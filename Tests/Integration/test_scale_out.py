"""Scaling out is PostgreSQL's and RabbitMQ's: two gateways of each role, and one of each dies in the middle."""

import contextlib
import http.client
import json
import threading
import time
import uuid

from feed import Collector
from waiting import eventually

WRITERS = 4
FIRST, SECOND = 3.0, 3.0  # seconds of load before and after the deaths


class Writer(threading.Thread):
    """Posts through whichever gateway answers; a repeated request is known by its key."""

    def __init__(self, number, gateways, stop):
        super().__init__()
        self.number, self.gateways, self.stop, self.acknowledged = number, list(gateways), stop, []
        self.start()

    def run(self):
        index = 0
        while not self.stop.is_set():
            user = f"writer-{self.number}-{index}"
            self.acknowledged.append(self._post(user, str(uuid.uuid4())))
            index += 1
            time.sleep(0.02)

    def _post(self, user, key):
        headers = {"Content-Type": "application/json", "Idempotency-Key": f'"{key}"'}
        body = json.dumps({"user": user, "score": 1})
        for attempt in range(200):
            gateway = self.gateways[(self.number + attempt) % len(self.gateways)]
            with contextlib.suppress(OSError, http.client.HTTPException):
                response = gateway.request("POST", "/scores", body, headers)
                if response.status == 200:
                    return json.loads(response.content)["id"]
                # 409: the first try is still under way; 503: later.
                assert response.status in (409, 503), (response.status, response.content)
            time.sleep(0.05)
        raise AssertionError(f"{user} was never taken")


def test_two_of_each_and_one_of_each_dies(world):
    slack = world.slack()
    scores = [world.gateway(ROLE="scores") for _ in range(2)]
    reporters = [
        world.gateway(ROLE="reporter", DATABASE_URL=None, SCORES_API=gateway.url) for gateway in (scores[0], scores[1])
    ]
    posters = [world.gateway(ROLE="poster", DATABASE_URL=None, **slack.env) for _ in range(2)]

    readers = [Collector(reporter) for reporter in reporters]
    stop = threading.Event()
    writers = [Writer(number, scores, stop) for number in range(WRITERS)]
    time.sleep(FIRST)
    # The second reporter goes on reading its history from the gateway that stays.
    survivors = {"scores": scores[1], "reporter": reporters[1]}
    before = len(slack.posts)
    for dead in (scores[0], reporters[0], posters[0]):
        dead.kill()
    after = len(slack.posts)
    time.sleep(SECOND)
    stop.set()
    for writer in writers:
        writer.join()
    acknowledged = sorted(id for writer in writers for id in writer.acknowledged)
    assert len(acknowledged) > 20

    # Once in the table, whatever was repeated.
    rows = [row[0] for row in world.sql('select id from "Score" order by id')]
    assert rows == acknowledged
    assert world.sql('select count(distinct "user") from "Score"') == [(len(rows),)]

    # On the feed of the reporter that stayed, and by going on there also for the reader of the one that died.
    eventually(lambda: set(rows) <= set(readers[1].ids), 40, "the reporter that stays shows all")
    seen = [id for id in readers[0].ids if id is not None]
    with Collector(survivors["reporter"], f"?after={max(seen, default=0)}") as resumed:
        eventually(lambda: set(rows) <= set(seen) | set(resumed.ids), 40, "who resumes misses none")

    # At Slack: each in a message of its own or counted by a digest. What was being told when its poster died may come twice.
    def told():
        return sum(post.told for post in slack.posts if post.accepted)

    eventually(lambda: told() >= len(rows), 60, "Slack is told of all")
    time.sleep(2.5)
    repeated = told() - len(rows)
    under_way = [post.told for post in slack.posts[max(0, before - 1) : after + 1]]
    assert repeated == 0 or repeated in under_way, (repeated, under_way)

    for reader in readers:
        reader.close()
    for gateway in (scores[1], reporters[1], posters[1]):
        gateway.stop()
