"""`GET /events`: the feed as Server-Sent Events (WHATWG HTML, section 9.2), read as a browser reads it."""

import contextlib
import http.client
import json
import socket
import threading

import pytest

from conftest import on
from waiting import eventually
from wire import request

pytestmark = on("servers", "embedded")


class EventSource:
    """A stream that is read in the background: `events` are (id, data), `comments` texts, `retry` what it was told."""

    def __init__(self, gateway, query="", **fields):
        self.connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)
        self.connection.request("GET", f"/events{query}", headers={"Accept": "text/event-stream", **fields})
        self.answer = self.connection.getresponse()
        self.events, self.comments, self.retry, self.last_id, self.ended = [], [], None, None, False
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self):
        data = []
        if self.answer.status != 200:
            return
        with contextlib.suppress(OSError, ValueError, AttributeError):  # closed from this side
            for line in self.answer:
                line = line.decode().removesuffix("\n")
                name, _, value = line.partition(":")
                value = value.removeprefix(" ")
                if line == "":
                    if data:
                        self.events.append((self.last_id, json.loads("\n".join(data))))
                    data = []
                elif name == "":
                    self.comments.append(value)
                elif name == "id":
                    self.last_id = value
                elif name == "data":
                    data.append(value)
                elif name == "retry":
                    self.retry = int(value)
                else:
                    raise AssertionError(line)
        self.ended = True

    @property
    def ids(self):
        return [score["id"] for _, score in self.events]

    def wait_for(self, count, seconds=30):
        eventually(lambda: len(self.events) >= count, seconds, f"{count} events")
        return [score for _, score in self.events]

    def close(self):
        with contextlib.suppress(OSError, AttributeError):  # its end has come already
            self.answer.fp.raw._sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def test_snapshot_then_live(world):
    gateway = world.gateway()
    before = [gateway.post(f"p{index}", index) for index in range(3)]
    with EventSource(gateway) as stream:
        assert stream.answer.status == 200
        assert stream.answer.getheader("Content-Type") == "text/event-stream"
        assert stream.answer.getheader("Cache-Control") == "no-store"
        assert stream.answer.getheader("X-Accel-Buffering") == "no"
        assert sorted(stream.wait_for(3), key=lambda score: score["id"]) == before
        live = gateway.post("ünï \"quoted\" \\ \n", 4)
        assert stream.wait_for(4)[-1] == live
        assert stream.retry == 1000
        assert all(id == str(score["id"]) for id, score in stream.events), "the id of an event is the score's"


def test_last_event_id_resumes_without_a_hole(world):
    gateway = world.gateway()
    posted = [gateway.post(f"p{index}", index)["id"] for index in range(20)]
    with EventSource(gateway, **{"Last-Event-ID": str(posted[9])}) as stream:
        eventually(lambda: set(stream.ids) >= set(posted[10:]))
    with EventSource(gateway, f"?after={posted[14]}") as stream:
        eventually(lambda: set(stream.ids) >= set(posted[15:]))
    with EventSource(gateway, "?history=2", **{"Last-Event-ID": str(posted[17])}) as stream:
        eventually(lambda: set(stream.ids) >= set(posted[18:]))
    with EventSource(gateway, "?history=2") as stream:
        assert sorted(score["id"] for score in stream.wait_for(2)) == posted[-2:]
    with EventSource(gateway, "?history=0", **{"Last-Event-ID": "not a number"}) as stream:
        live = gateway.post("live", 1)
        assert stream.wait_for(1) == [live]


@pytest.mark.rabbitmq
def test_the_last_id_is_the_highest_whatever_comes_late(world):
    """A browser resumes behind the last id it was given: with that of a late score it would be sent all above it again."""
    gateway = world.gateway()
    (late,) = world.fill(1)
    with EventSource(gateway, "?history=0") as stream:
        eventually(lambda: stream.retry is not None)
        newest = gateway.post("live", 1)["id"]
        stream.wait_for(1)
        body = json.dumps({"id": late, "user": "late", "score": 1}).encode()
        world.broker.publish(world.exchange, body, content_type="application/json")
        stream.wait_for(2)
        assert stream.ids == [newest, late]
        assert stream.last_id == str(newest)


def test_what_the_log_has_no_more_comes_from_the_store(world):
    world.fill(15_000)
    gateway = world.gateway(FEED_HISTORY=5)
    with EventSource(gateway, **{"Last-Event-ID": "10"}) as stream:
        live = gateway.post("new", 1)
        eventually(lambda: live["id"] in stream.ids, what="the live score")
        assert set(stream.ids) >= set(range(11, live["id"] + 1))


def test_coming_and_going_while_scores_come_loses_nothing(world):
    gateway = world.gateway()
    posted, stop = [], threading.Event()

    def write():
        while not stop.is_set():
            posted.append(gateway.post("w", 1)["id"])

    writer = threading.Thread(target=write)
    writer.start()
    seen, last = set(), "0"
    try:
        for _ in range(15):
            with EventSource(gateway, **{"Last-Event-ID": last}) as stream:
                stream.wait_for(20)
            seen |= set(stream.ids)
            last = stream.last_id
    finally:
        stop.set()
        writer.join()
    with EventSource(gateway, **{"Last-Event-ID": last}) as stream:
        eventually(lambda: seen | set(stream.ids) >= set(posted), 30, "all that was posted")


def test_methods_and_origins(gateway):
    head = gateway.request("HEAD", "/events")
    assert head.status == 200 and head.getheader("Content-Type") == "text/event-stream" and head.content == b""
    assert head.getheader("Content-Length") is None, "GET has none"
    with gateway.wire() as wire:
        wire.send(request("HEAD", "/events") + request("GET", "/healthz"))
        assert wire.answer(to="HEAD").status == 200
        assert wire.answer().json == {"Status": 200}
    refused = gateway.request("POST", "/events", b"")
    assert refused.status == 405 and refused.getheader("Allow") == "GET, HEAD, OPTIONS"
    assert gateway.request("GET", "/events?after=x").status == 422
    for origin, status in [("http://evil.example", 403), (gateway.url, 200)]:
        with EventSource(gateway, Origin=origin) as stream:
            assert stream.answer.status == status


def test_requests_before_it_are_answered_first(gateway):
    with gateway.wire() as wire:
        wire.send(request("GET", "/healthz") + request("GET", "/events?history=0"))
        answers = b""
        while not answers.endswith(b"retry: 1000\n\n"):
            answers += wire.socket.recv(1000)
        first, second = answers.split(b"HTTP/1.1 200 OK\r\n")[1:]
        assert first.endswith(b'{"Status":200}') and b"text/event-stream" in second


def test_a_slow_reader_is_cut_off_and_delays_nobody(world):
    gateway = world.gateway(FEED_LOG_BYTES="64KiB", REACTORS=1)
    with gateway.wire(receive_buffer=4096) as slow, EventSource(gateway) as quick:
        slow.send(request("GET", "/events"))
        eventually(lambda: gateway.metric("score_gateway_feed_subscribers") == 2)
        lines = "".join(json.dumps({"user": "x" * 200, "score": 1}) + "\n" for _ in range(100))
        for round in range(1, 500):
            assert gateway.request("POST", "/scores", lines, {"Content-Type": "application/x-ndjson"}).status == 200
            quick.wait_for(100 * round)
            if gateway.metric('score_gateway_feed_disconnects_total{reason="slow"}') == 1:
                break
        else:
            raise AssertionError("it was never cut off")
        text = b""
        while piece := slow.socket.recv(1 << 16):
            text += piece
        assert b": too slow" in text and text.endswith(b"\n\n"), text[-200:]
        events = [event for event in text.split(b"\n\n") if event.startswith(b"id: ")]
        assert all(json.loads(event.partition(b"data: ")[2])["score"] == 1 for event in events), "whole events to the end"


def test_the_end_says_so(world):
    gateway = world.gateway()
    with EventSource(gateway) as stream:
        eventually(lambda: gateway.metric("score_gateway_feed_subscribers") == 1)
        gateway.stop()
        eventually(lambda: stream.ended)
        assert stream.comments == ["the gateway is shutting down"]


@pytest.mark.timeout(60)
def test_a_silent_stream_is_kept_alive(gateway):
    with EventSource(gateway, "?history=0") as stream:
        eventually(lambda: "still here" in stream.comments, 30)
