"""Section 3: the live feed over WebSocket."""

import json
import struct
import threading
import time

import pytest
from websockets.exceptions import InvalidStatus

from conftest import on
from feed import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    Collector,
    RawFeed,
    accept_of,
    close_code,
    frame,
    handshake,
    receive,
    silent,
    subscribe,
)
from waiting import eventually
from wire import post

pytestmark = on("servers", "embedded")

# MARK: Snapshot and live


def by_id(scores):
    """Each reactor publishes on a connection of its own, and the broker keeps the order of each one only."""
    return sorted(scores, key=lambda score: score["id"])


def test_snapshot_then_live(world):
    gateway = world.gateway()
    posted = [gateway.post(f"p{index}", index) for index in range(5)]
    with subscribe(gateway) as feed:
        assert by_id(receive(feed, 5)) == posted
        live = [gateway.post("live 🎉 <b>", index) for index in range(3)]
        assert by_id(receive(feed, 3)) == live


def test_a_message_is_exactly_the_object_of_the_score(world):
    gateway = world.gateway()
    with subscribe(gateway) as feed, gateway.wire() as wire:
        wire.send(post('"Jörgen"\n\u2028', -1))
        body = wire.answer().body.decode()
        message = feed.recv(timeout=20)
        assert isinstance(message, str)
        assert message == body
    with subscribe(gateway) as feed:
        assert feed.recv(timeout=20) == body, "in the snapshot too"


def test_the_scores_from_before_the_start_are_in_the_snapshot(world):
    world.fill(2000)
    gateway = world.gateway()
    with subscribe(gateway) as feed:
        assert [score["id"] for score in receive(feed, 1000)] == list(range(1001, 2001)), "FEED_HISTORY is 1000"
        assert gateway.post("new", 1) == receive(feed, 1)[0]


@pytest.mark.parametrize(("query", "expected"), [("?history=2", [9, 10]), ("?history=0", []), ("", [8, 9, 10])])
def test_history(world, query, expected):
    world.fill(10)
    gateway = world.gateway(FEED_HISTORY=3)
    with subscribe(gateway, query) as feed:
        assert [score["id"] for score in receive(feed, len(expected))] == expected
        assert [gateway.post("new", 1)] == receive(feed, 1)


@pytest.mark.parametrize("query", ["?history=x", "?history=-1", "?after=x"])
def test_a_wrong_parameter_is_refused(gateway, query):
    with pytest.raises(InvalidStatus) as refusal:
        subscribe(gateway, query).__enter__()
    assert refusal.value.response.status_code in (400, 403, 422)


def test_no_hole_and_no_double_between_snapshot_and_live(world):
    """Clients come while scores come: each sees each score once."""
    gateway = world.gateway()
    count, posted = 400, []

    def write(part):
        with gateway.wire() as wire:
            for index in range(0, count // 4, 5):
                wire.send(b"".join(post(f"w{part}", index + step) for step in range(5)))
                posted.extend(wire.answer().json["id"] for _ in range(5))

    writers = [threading.Thread(target=write, args=(part,)) for part in range(4)]
    collectors = []
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers) and len(collectors) < 20:
        collectors.append(Collector(gateway, client=len(collectors)))
        eventually(lambda: len(posted) >= min(count, len(collectors) * 20), what="the writers go on")
    for writer in writers:
        writer.join()
    try:
        assert len(posted) == count
        for collector in collectors:
            collector.wait_for(count)
            assert sorted(collector.ids) == sorted(posted)
    finally:
        for collector in collectors:
            collector.close()


# MARK: Resuming


def test_after_resumes(world):
    # One reactor publishes in one order.
    gateway = world.gateway(REACTORS=1)
    posted = [gateway.post("ada", index) for index in range(3)]
    with subscribe(gateway) as feed:
        assert receive(feed, 3) == posted, "they are in the log: what is counted from here on comes after them"
    time.sleep(2.5)  # by what the order of two queues may differ, and what is therefore sent again
    posted += [gateway.post("ada", index) for index in range(3, 10)]
    with subscribe(gateway, f"?after={posted[6]['id']}") as feed:
        # Itself and what came shortly before it may come again, and how much that is depends on the pace of all this.
        seen = receive(feed, 1)
        seen += receive(feed, posted[9]["id"] - seen[0]["id"])
        assert seen == posted[-len(seen) :], "in order, with nothing missing"
        assert len(seen) >= 3, "everything newer"
        live = gateway.post("ada", 10)
        assert [live] == receive(feed, 1)
    with subscribe(gateway, f"?after={live['id'] + 1000}") as feed:
        assert receive(feed, 11) == [*posted, live], "an id that is not here yet"


def test_after_reaches_back_into_the_store(world):
    """Farther than memory goes: the gap is filled before the live scores."""
    world.fill(15_000)
    gateway = world.gateway(FEED_HISTORY=5)
    with Collector(gateway, "?after=10") as feed:
        live = gateway.post("new", 1)
        eventually(lambda: live["id"] in feed.ids, what="the live score")
        # At least once, never a hole: a client drops doubles by the id.
        assert set(feed.ids) >= set(range(11, live["id"] + 1))
        first_seen = list(dict.fromkeys(feed.ids))
        assert first_seen == sorted(first_seen), "older ones after newer ones"


def test_leaving_and_resuming_while_scores_come_loses_nothing(world):
    gateway = world.gateway()
    total = 300

    def write():
        for index in range(total):
            gateway.post("ada", index)

    writer = threading.Thread(target=write)
    seen = set()
    writer.start()
    while len(seen) < total:
        last = max(seen, default=0)
        with subscribe(gateway, f"?after={last}") as feed:
            goal = min(len(seen) + 20, total)
            while len(seen) < goal:
                seen.add(receive(feed, 1)[0]["id"])
    writer.join()
    assert seen == set(range(1, total + 1))


# MARK: Who may connect


@pytest.mark.parametrize("client", ["1", "-5", "0123", "1764000000000", "99999999999999999"])
def test_client_ids_that_are_integers(gateway, client):
    with subscribe(gateway, "?history=0", client) as feed:
        feed.ping().wait(20)


@pytest.mark.parametrize("client", ["abc", "1.5", "1e3", "0x10", "%31x", "1x", "--1"])
def test_a_client_id_that_is_no_integer_is_403(gateway, client):
    with pytest.raises(InvalidStatus) as refusal:
        subscribe(gateway, client=client).__enter__()
    assert refusal.value.response.status_code == 403


@pytest.mark.parametrize(
    ("bytes_", "statuses"),
    [
        (handshake(key="dGhlIHNhbXBsZSBub25jZQ"), [400]),
        (handshake(key="c2hvcnQ="), [400]),
        (handshake(key="!" * 24), [400]),
        (handshake(key=None), [400]),
        (handshake("/ws/1", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), [400]),
        (handshake(version="8"), [426]),
        (handshake(version=None), [400, 426]),
        (b"GET /ws/1 HTTP/1.1\r\nHost: a\r\n\r\n", [400, 426]),
        (handshake().replace(b"Connection: Upgrade", b"Connection: close"), [400, 426]),
        (handshake().replace(b"Upgrade: websocket", b"Upgrade: h2c"), [400, 426]),
    ],
)
def test_a_bad_upgrade(gateway, bytes_, statuses):
    with gateway.wire() as wire:
        wire.send(bytes_)
        answer = wire.answer()
    assert answer.status in statuses
    if answer.status == 426:
        assert answer["sec-websocket-version"] == "13"
        assert "websocket" in (answer["upgrade"] or "websocket").lower()


def test_other_spellings_of_a_good_upgrade(gateway):
    with gateway.wire() as wire:
        bytes_ = handshake(key="AQIDBAUGBwgJCgsMDQ4PEA==")
        wire.send(
            bytes_.replace(b"Connection: Upgrade", b"connection: keep-alive, uPGRADE").replace(
                b"Upgrade: websocket", b"UPGRADE:WebSocket"
            )
        )
        answer = wire.answer()
    assert answer.status == 101
    assert answer["sec-websocket-accept"] == accept_of("AQIDBAUGBwgJCgsMDQ4PEA==")


def test_frames_in_the_same_write_as_the_upgrade(gateway):
    with gateway.wire() as wire:
        wire.send(handshake("/ws/1?history=0") + frame(PING, b"early"))
        assert wire.answer().status == 101
        assert wire.exactly(7) == b"\x8a\x05early"


def origin_status(gateway, origin):
    try:
        with subscribe(gateway, "?history=0", origin=origin):
            return 101
    except InvalidStatus as refusal:
        return refusal.response.status_code


def test_the_origin_of_the_own_page_or_none(gateway):
    assert origin_status(gateway, None) == 101
    assert origin_status(gateway, f"http://127.0.0.1:{gateway.port}") == 101
    for foreign in ["http://evil.example", f"http://127.0.0.1:{gateway.port}.evil.example", "null"]:
        assert origin_status(gateway, foreign) == 403
    assert origin_status(gateway, f"http://127.0.0.1:{gateway.port + 1}") == 403


def test_allowed_origins(shared_world):
    listed = shared_world.gateway(ALLOWED_ORIGINS="https://a.example, https://b.example:8443", **shared_world.apart)
    assert origin_status(listed, "https://a.example") == 101
    assert origin_status(listed, "https://b.example:8443") == 101
    assert origin_status(listed, "https://b.example") == 403
    assert origin_status(listed, "http://a.example") == 403
    everyone = shared_world.gateway(ALLOWED_ORIGINS="*", **shared_world.apart)
    assert origin_status(everyone, "http://evil.example") == 101


# MARK: What clients send


def test_text_from_a_client_is_neither_echoed_nor_broadcast(world):
    gateway = world.gateway()
    with subscribe(gateway) as one, subscribe(gateway, client=2) as other:
        one.send('{"user":"eve","score":1}')
        one.send("x" * 65536)
        one.ping().wait(20)
        stored = gateway.post("ada", 1)
        assert receive(one, 1) == [stored] and receive(other, 1) == [stored]
        assert silent(one) and silent(other)
    assert gateway.scores() == [stored]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(BINARY, b"\x00\x01"), 1003),
        (frame(TEXT, b"x" * 65537), 1009),
        (frame(TEXT, length=2**40), 1009),
        (frame(TEXT, b"x" * 40000, fin=False) + frame(0, b"x" * 40000), 1009),
        (frame(TEXT, b"hello", masked=False), 1002),
        (frame(TEXT, b"hello", reserved=4), 1002),
        (frame(TEXT, b"hello", reserved=1), 1002),
        (frame(3, b"hello"), 1002),
        (frame(11), 1002),
        (frame(0, b"a continuation of nothing"), 1002),
        (frame(TEXT, b"one", fin=False) + frame(TEXT, b"two"), 1002),
        (frame(PING, b"x" * 126), 1002),
        (frame(PING, b"x", fin=False), 1002),
        (frame(TEXT, b"\xff"), 1007),
        (frame(TEXT, b"\xed\xa0\x80"), 1007),
        (frame(TEXT, "é".encode()[:1]), 1007),
        (frame(TEXT, b"\xf0\x9f", fin=False) + frame(0, b"abc"), 1007),
        (frame(CLOSE, b"\x03"), 1002),
        (frame(CLOSE, struct.pack(">H", 1005)), 1002),
        (frame(CLOSE, struct.pack(">H", 999)), 1002),
        (frame(CLOSE, struct.pack(">H", 1000) + b"\xff"), 1007),
        (frame(CLOSE, struct.pack(">H", 1000) + b"bye"), 1000),
        (frame(CLOSE, struct.pack(">H", 4000)), 4000),
    ],
)
@pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "bytewise"])
def test_close_codes(gateway, data, code, bytewise):
    if bytewise and len(data) > 1000:
        data = data[:1000] and data  # the long ones go whole: their boundaries are unit tested
        bytewise = False
    with RawFeed(gateway) as feed:
        if bytewise:
            for index in range(len(data)):
                feed.send(data[index : index + 1])
        else:
            feed.send(data)
        assert feed.close_code() == code


def test_one_bad_client_spoils_nothing_for_others(world):
    """In the replaced reporter everyone who came later got no more updates."""
    gateway = world.gateway()
    with subscribe(gateway) as before:
        assert [gateway.post("ada", 0)] == receive(before, 1)
        with RawFeed(gateway) as bad:
            bad.send(frame(BINARY, b"x"))
            assert bad.close_code() == 1003
        reset = RawFeed(gateway, "/ws/1")
        reset.wire.socket.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER 0: a reset in the middle of the snapshot
        reset.wire.socket.close()
        with subscribe(gateway, "?history=0") as after:
            stored = gateway.post("ada", 1)
            assert receive(before, 1) == receive(after, 1) == [stored]


def test_ping_pong_also_between_fragments(gateway):
    with RawFeed(gateway) as feed:
        feed.send(frame(PING))
        assert feed.frame() == (PONG, b"")
        feed.send(frame(TEXT, b"one", fin=False) + frame(PING, b"p" * 125) + frame(0, b"two"))
        assert feed.frame() == (PONG, b"p" * 125)
        feed.send(frame(PONG, b"unasked") + frame(PING, b"still there"))
        assert feed.frame() == (PONG, b"still there")


def test_a_slow_reader_is_closed_with_1013_and_delays_nobody(world):
    gateway = world.gateway(FEED_LOG_BYTES=1 << 20)
    user = "🦊" * 255  # some 1.1 kB a message
    with RawFeed(gateway, "/ws/1?history=0", 4096) as slow, Collector(gateway, client=2) as quick:
        # Past what the kernel keeps for a socket (4 MiB), and the log, several times over.
        total, batch = 16_000, 500
        with gateway.wire() as wire:
            for begin in range(0, total, batch):
                wire.send(b"".join(post(user, begin + index) for index in range(batch)))
                for _ in range(batch):
                    assert wire.answer().status == 200
                # It shares this process with who posts, and must not be the slow one.
                quick.wait_for(begin + batch, seconds=60)
        quick.wait_for(total, seconds=60)
        assert sorted(quick.ids) == list(range(1, total + 1))
        assert quick.close_code is None
        seen = []
        while True:
            opcode, payload = slow.frame()
            if opcode == CLOSE:
                break
            if opcode == TEXT:
                seen.append(json.loads(payload)["id"])
        assert struct.unpack(">H", payload[:2])[0] == 1013
        assert seen == list(range(1, len(seen) + 1)) and len(seen) < total, "whole frames, without a hole, to the close"
    # And it can resume where it was.
    with Collector(gateway, f"?after={seen[-1]}") as resumed:
        rest = set(range(len(seen) + 1, total + 1))
        eventually(lambda: set(resumed.ids) >= rest, 60, "the rest")


# MARK: The end, and the echo


def test_shutdown_closes_with_1001(world):
    gateway = world.gateway()
    feeds = [Collector(gateway, client=index) for index in range(20)]
    gateway.stop()
    for feed in feeds:
        feed.close()
        assert feed.close_code == 1001


def test_no_echo_unless_asked_for(gateway):
    with pytest.raises(InvalidStatus) as refusal:
        subscribe(gateway, path="/ws-echo").__enter__()
    assert refusal.value.response.status_code == 404


def test_echo(shared_world):
    gateway = shared_world.gateway(WS_ECHO=1, **shared_world.apart)
    with subscribe(gateway, path="/ws-echo") as echo:
        for message in ["", "héllo 🎉", b"\x00\xff", "x" * 70_000, b"y" * (1 << 20)]:
            echo.send(message)
            assert echo.recv(timeout=30) == message
        echo.send(["frag", "men", "ted"])
        assert echo.recv(timeout=20) == "fragmented"
        echo.send(b"z" * (16 << 20))
        assert len(echo.recv(timeout=60)) == 16 << 20
        echo.send(b"z" * ((16 << 20) + 1))
        assert close_code(echo) == 1009
