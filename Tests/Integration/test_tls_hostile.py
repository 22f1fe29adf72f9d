"""Clients that keep to TLS and do with it what no client does."""

import json

import pytest

from certificates import Authority
from conftest import on
from raw_tls import HANDSHAKE, RawTLS
from waiting import eventually
from wire import request

pytestmark = on("embedded")

LINES = {"Content-Type": "application/x-ndjson"}
HALF_OF_KEY_UPDATE = b"\x18\0\0\1"


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates")).vouch("server")


def batch(count):
    return "".join(json.dumps({"user": "u" * 200, "score": index}) + "\n" for index in range(count))


def test_a_reader_of_events_whose_tls_stands_still(world, pair, tmp_path):
    """Nothing can be sent to it before its message is whole: it is one that does not read, and costs its place in the log."""
    gateway = world.gateway(**pair, FEED_LOG_BYTES="1MiB", REACTORS=1)
    with RawTLS(gateway, tmp_path) as still:
        still.send(request("GET", "/events?history=0"))
        assert b"retry:" in still.read()
        still.send(HALF_OF_KEY_UPDATE, HANDSHAKE)
        for _ in range(40):
            assert gateway.request("POST", "/scores", batch(300), LINES).status == 200
        # Some 3 MB for it went by. (Counted once a second; until then what was posted counts as well.)
        eventually(lambda: gateway.metric("score_gateway_held_bytes") < 1 << 20, 20)
        slow = 'score_gateway_feed_disconnects_total{reason="slow"}'
        eventually(lambda: gateway.metric_if_answered(slow) == 1)
    assert gateway.get("/healthz").status == 200
