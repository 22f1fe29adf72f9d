"""Slow, greedy and rude peers: each costs what it may and no more, the others are served meanwhile, and what it had is given
back. Embedded: none of this is about the servers behind."""

import contextlib
import json
import resource
import threading
import time

import pytest

from feed import PING, TEXT, Collector, RawFeed, frame, handshake
from gateway import Gateway, metric
from waiting import eventually
from wire import chunked, post, request

LINES = "Content-Type: application/x-ndjson"


@pytest.fixture
def alone(tmp_path):
    """Starts gateways that are told of nothing."""
    with contextlib.ExitStack() as stack:

        def start(**env):
            made = Gateway({name: str(value) for name, value in env.items()}, tmp_path)
            stack.callback(lambda: print(made.log))
            stack.callback(made.kill)
            return made.start()

        yield start


def ended(gateway, reason):
    """How many connections it ended for that."""
    return gateway.metric_if_answered(f'score_gateway_connections_ended_total{{reason="{reason}"}}')


def refused(gateway, reason):
    return gateway.metric_if_answered(f'score_gateway_connections_refused_total{{reason="{reason}"}}')


def connections(gateway):
    return gateway.metric_if_answered("score_gateway_connections")


def batch(count, user="u"):
    return "".join(json.dumps({"user": f"{user}{index}", "score": 1}) + "\n" for index in range(count)).encode()


def fill(gateway, count, user):
    for begin in range(0, count, 1000):
        answer = gateway.request("POST", "/scores", batch(min(1000, count - begin), user), dict([LINES.split(": ")]))
        assert answer.status == 200, answer.content


class Background:
    """Does something over and over on a thread, until the end; what goes wrong there is of no interest."""

    def __init__(self, work):
        self.rounds, self._stop = 0, threading.Event()
        self._thread = threading.Thread(target=self._run, args=(work,))

    def _run(self, work):
        while not self._stop.is_set():
            with contextlib.suppress(OSError, AssertionError):
                work()
            self.rounds += 1

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()


# MARK: Slow ones


SLOW = {
    "head": (b"GET /scores HTTP/1.1\r\nHost: a\r\nX-Drip: ", "slow_head"),
    "target": (b"GET /", "slow_head"),
    "body": (request("POST", "/scores", b"", "Content-Length: 100000"), "slow_body"),
    "chunk": (request("POST", "/scores", b"", "Transfer-Encoding: chunked") + b"ffff\r\n", "slow_body"),
    "chunk size": (request("POST", "/scores", b"", "Transfer-Encoding: chunked") + b"0000", "slow_body"),
    "lines": (request("POST", "/scores", b"", LINES, "Content-Length: 100000") + b'{"user":"', "slow_body"),
}


@pytest.mark.parametrize("what", SLOW)
def test_what_drips_is_given_up_and_holds_nobody_up(alone, what):
    begin, reason = SLOW[what]
    gateway = alone(REQUEST_TIMEOUT="1s")
    wires = [gateway.wire() for _ in range(30)]
    drip = b"0" if what == "chunk size" else b"x"
    try:
        for wire in wires:
            wire.send(begin)
        waiting = list(wires)

        def given_up():
            assert gateway.get("/healthz").status == 200
            for wire in list(waiting):
                wire.send_whatever_happens(drip)
                wire.socket.settimeout(0.001)
                with contextlib.suppress(TimeoutError, ConnectionError):
                    if wire._more():
                        waiting.remove(wire)
            return not waiting

        eventually(given_up, 60, "all of them are answered")
        for wire in wires:
            wire.socket.settimeout(20)
            assert wire.answer().status == 408
            assert wire.rest() == b""
    finally:
        for wire in wires:
            wire.socket.close()
    eventually(lambda: ended(gateway, reason) == 30)
    assert gateway.post("ada", 1)


def test_who_says_nothing_is_let_go(alone):
    gateway = alone(IDLE_TIMEOUT="1s")
    with gateway.wire() as wire:
        assert wire.rest() == b""
    with gateway.wire() as wire:
        wire.send(request("GET", "/healthz"))
        assert wire.answer().status == 200
        assert wire.rest() == b""
    eventually(lambda: (ended(gateway, "idle") or 0) >= 2)


# MARK: Greedy ones


def test_answers_that_nobody_reads_are_bounded_all_together(alone):
    """As many pages as may be asked for at once, on many connections, and none is read: 700 MB in all."""
    gateway = alone(REACTORS=2)
    fill(gateway, 1000, "x" * 240)
    page = len(gateway.get("/scores?limit=1000").content)
    assert page > 280_000
    before = gateway.memory()
    wires = [gateway.wire(receive_buffer=4096) for _ in range(20)]
    try:
        for wire in wires:
            wire.send(request("GET", "/scores?limit=1000") * 128)
            assert gateway.get("/healthz").status == 200
        # Those who hold most are let go; or all that is left to be asked was refused before they held too much.
        busy = 'score_gateway_http_requests_total{route="/scores",method="GET",status="503"}'
        eventually(lambda: ended(gateway, "memory") or gateway.metric_if_answered(busy), 60, "there is no room")
        eventually(lambda: gateway.metric("score_gateway_held_bytes") < 256 << 20)
        assert gateway.get("/healthz").status == 200
        assert gateway.peak_memory() - before < 520 << 20, "256 MiB, what one turn adds, and buffers that grow by doubling"
    finally:
        for wire in wires:
            wire.reset()
    eventually(lambda: gateway.metric("score_gateway_held_bytes") < 1 << 20)
    assert gateway.post("ada", 1)
    assert len(gateway.scores("?limit=1000")) == 1000


def test_bodies_that_never_end_are_bounded_all_together(alone):
    """400 MB of bodies whose last byte does not come."""
    gateway = alone(REACTORS=1)
    body = b'{"user":"' + b"x" * ((1 << 20) - 100)
    head = request("POST", "/scores", b"", f"Content-Length: {len(body) + 50}")
    before = gateway.memory()
    wires = [gateway.wire() for _ in range(400)]
    try:
        for wire in wires:
            wire.send_whatever_happens(head + body)
        assert gateway.get("/healthz").status == 200
        eventually(lambda: (ended(gateway, "memory") or 0) >= 50, 60, "some are refused")
        assert gateway.peak_memory() - before < 420 << 20
        said = []
        for wire in wires:
            wire.socket.settimeout(0.01)
            with contextlib.suppress(TimeoutError, ConnectionError):
                if wire._more():
                    wire.socket.settimeout(20)
                    said.append(wire.answer())
        assert said and all(answer.status == 503 and answer["retry-after"] == "1" for answer in said)
    finally:
        for wire in wires:
            wire.reset()
    eventually(lambda: gateway.metric("score_gateway_held_bytes") < 1 << 20)
    assert gateway.post("ada", 1)


def test_a_flood_of_pings_costs_the_flooder_alone(alone):
    gateway = alone(REACTORS=1)
    pings = frame(PING, b"p" * 125) * 4000
    with RawFeed(gateway, "/ws/1?history=0", 4096) as deaf, Collector(gateway, client=2) as other:
        deaf.wire.socket.settimeout(1)
        with pytest.raises(TimeoutError):
            for _ in range(100):
                deaf.wire.send(pings)
        # It is not read any further: no more of it is kept than one reading and one writing may be.
        assert gateway.metric("score_gateway_held_bytes") < 2 << 20
        live = [gateway.post("ada", index) for index in range(5)]
        eventually(lambda: other.ids == [score["id"] for score in live])


@pytest.mark.parametrize("what", ["requests", "heads for nothing", "metrics", "lines", "pings", "fragments", "connects"])
def test_health_is_answered_during_a_flood(alone, what):
    """On one reactor. That it is answered is asserted; how soon is printed."""
    gateway = alone(REACTORS=1)
    feeds = []

    def flood():
        if what == "connects":
            for _ in range(50):
                gateway.wire().reset()
        elif what == "lines":
            with gateway.wire() as wire:
                wire.send(request("POST", "/scores", batch(20_000), LINES))
                wire.answer()
        elif what in ("pings", "fragments"):
            if not feeds:
                feeds.append(RawFeed(gateway, "/ws/1?history=0"))
                feeds[0].send(frame(TEXT, b"", fin=False) if what == "fragments" else b"")
            feeds[0].wire.socket.settimeout(5)
            feeds[0].wire.send((frame(PING) if what == "pings" else frame(0, fin=False)) * 20_000)
            feeds[0].wire.send(frame(PING, b"end"))
            while not feeds[0].wire.pending.endswith(b"end"):
                assert feeds[0].wire._more()
                feeds[0].wire.pending = feeds[0].wire.pending[-10:]
        else:
            one = {
                "requests": request("GET", "/scores?limit=1"),
                "heads for nothing": request("HEAD", "/openapi.json"),
                "metrics": request("HEAD", "/metrics"),
            }[what]
            with gateway.wire() as wire:
                # Answers are read as they come, by whoever floods as by us.
                reader = threading.Thread(target=wire.rest)
                reader.start()
                wire.send_whatever_happens(one * 3000 + request("GET", "/healthz", b"", "Connection: close"))
                reader.join()

    took = []
    with contextlib.ExitStack() as stack:
        floods = [stack.enter_context(Background(flood)) for _ in range(1 if what in ("pings", "fragments") else 2)]
        eventually(lambda: all(each.rounds > 0 for each in floods), 60, "the flood has begun")
        for _ in range(40):
            began = time.monotonic()
            assert gateway.get("/healthz").status == 200
            took.append(time.monotonic() - began)
    for each in feeds:
        each.wire.socket.close()
    took.sort()
    print(f"health during {what}: median {took[20] * 1000:.1f} ms, longest {took[-1] * 1000:.1f} ms")


def test_more_large_batches_than_may_wait_are_told_so(alone):
    gateway = alone(REACTORS=1)
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(gateway.wire()) for _ in range(30)]
        for wire in wires:
            wire.send(request("POST", "/scores", b"", LINES, "Content-Length: 900000") + batch(1500))
        told = []

        def refused_ones():
            for wire in wires:
                wire.socket.settimeout(0.01)
                with contextlib.suppress(TimeoutError):
                    if wire not in told and wire._more():
                        told.append(wire)
            return len(told) == 12

        eventually(refused_ones, 60, "18 are under way, and the others are told")
        for wire in told:
            wire.socket.settimeout(20)
            answer = wire.answer()
            assert answer.status == 503 and "large batches" in answer.json["detail"]
        # A single score has nothing to do with that.
        assert gateway.post("ada", 1)
    eventually(lambda: connections(gateway) == 1)
    answer = gateway.request("POST", "/scores", batch(3000), dict([LINES.split(": ")]))
    assert json.loads(answer.content)["stored"] == 3000


# MARK: Half-open and half-closed


def test_who_has_only_ended_sending_gets_its_answers(alone):
    gateway = alone()
    fill(gateway, 5000, "x" * 100)
    with gateway.wire() as wire:
        wire.send(post("ada", 1) + request("GET", "/scores") + request("GET", "/healthz"))
        wire.half_close()
        assert wire.answer().json["user"] == "ada"
        assert len(wire.answer().json) == 5001
        assert wire.answer().status == 200
        assert wire.rest() == b""
    with gateway.wire() as wire:
        wire.send(request("POST", "/scores", chunked(batch(3000)), LINES, "Transfer-Encoding: chunked"))
        wire.half_close()
        assert wire.answer().json["stored"] == 3000


@pytest.mark.parametrize(
    "cut", [b"", b"GET /sc", request("POST", "/scores", b"", "Content-Length: 50") + b'{"user":']
)
def test_who_ends_sending_in_the_middle_is_let_go(alone, cut):
    gateway = alone()
    with gateway.wire() as wire:
        wire.send(cut)
        wire.half_close()
        assert wire.rest() == b""
    eventually(lambda: connections(gateway) == 1, what="only who asks for it")


def test_a_websocket_has_no_half(alone):
    gateway = alone()
    with RawFeed(gateway) as feed:
        feed.wire.half_close()
        assert feed.wire.rest() == b""
    eventually(lambda: gateway.metric("score_gateway_feed_subscribers") == 0)


# MARK: Resets


def masked(gateway):
    """A WebSocket in the middle of a frame."""
    feed = RawFeed(gateway)
    feed.send(frame(TEXT, b"x" * 1000)[:500])
    return feed.wire


def wired(*pieces, wait=None):
    """A connection on which that was sent."""

    def make(gateway):
        wire = gateway.wire(receive_buffer=4096)
        for piece in pieces:
            wire.send(piece)
        if wait:
            wire._until(wait)
        return wire

    return make


STATES = {
    "before a byte": wired(),
    "within the head": wired(b"GET /scores HTTP/1.1\r\nHos"),
    "after the head": wired(request("POST", "/scores", b"", "Content-Length: 50")),
    "within the body": wired(request("POST", "/scores", b"", "Content-Length: 50") + b'{"user":"gone'),
    "waiting to go on": wired(
        request("POST", "/scores", b"", "Content-Length: 50", "Expect: 100-continue"), wait=b"100 Continue"
    ),
    "within a batch": wired(request("POST", "/scores", b"", LINES, "Content-Length: 900000") + batch(5000)),
    "within a chunk": wired(request("POST", "/scores", b"", LINES, "Transfer-Encoding: chunked") + b"ff\r\n{"),
    "while it is stored": wired(post("stored", 1)),
    "while many are stored": wired(post("stored", 1) * 100),
    "while a batch is stored": wired(request("POST", "/scores", batch(3000, "stored"), LINES)),
    "before the answer is read": wired(request("GET", "/scores?limit=1000") * 20),
    "within an answer": wired(request("GET", "/scores"), wait=b"\r\n\r\n"),
    "within the handshake": wired(handshake()[:-2]),
    "after the handshake": wired(handshake()),
    "in mid-frame": masked,
    "in the snapshot": wired(handshake(), wait=b"\r\n\r\n"),
    "while resuming": wired(handshake("/ws/1?after=0")),
    "as an event stream": wired(request("GET", "/events"), wait=b"\r\n\r\n"),
    "after a refusal": wired(b"nonsense\r\n\r\n", wait=b"\r\n\r\n"),
    "in the middle of what is dropped": wired(
        request("POST", "/nothing", b"", "Content-Length: 900000") + b"x" * 100_000
    ),
}


@pytest.fixture(scope="module")
def rudely_treated(tmp_path_factory):
    gateway = Gateway({"REACTORS": "2"}, tmp_path_factory.mktemp("rude")).start()
    fill(gateway, 5000, "x" * 200)
    yield gateway
    try:
        gateway.stop()
    finally:
        gateway.kill()
        print(gateway.log)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("leave", ["by a reset", "by an end"])
def test_who_leaves_leaves_nothing_behind(rudely_treated, state, leave):
    gateway = rudely_treated
    eventually(lambda: connections(gateway) == 1, 30, "it begins without any")
    files = gateway.open_files()
    for _ in range(25):
        wire = STATES[state](gateway)
        if leave == "by a reset":
            wire.reset()
        else:
            wire.socket.close()
    eventually(lambda: connections(gateway) == 1, 60, "only who asks for it")
    eventually(lambda: gateway.open_files() <= files + 1, what="their descriptors are given back")
    assert gateway.metric("score_gateway_feed_subscribers") == 0
    eventually(lambda: gateway.metric("score_gateway_writes_waiting") == 0)
    stays = gateway.post("stays", 1)
    assert gateway.scores(f"?after={stays['id'] - 1}") == [stays]
    # What was cut was not stored in part; what was whole was stored, answer or not.
    whole = [score for score in gateway.scores("?after=5000") if score["user"].startswith(("gone", "u0"))]
    assert whole == []


def come_and_go(gateway, count):
    """In the ways in which most come and go, and those from which most is left to do."""
    ways = [STATES[name] for name in ("before a byte", "within the head", "within the body", "in mid-frame")]
    ways += [wired(request("GET", "/healthz"), wait=b"}"), wired(request("GET", "/events?history=0"))]
    for index in range(count):
        ways[index % len(ways)](gateway).reset()
    eventually(lambda: connections(gateway) == 1, 60, "all are gone")


@pytest.mark.timeout(300)
def test_ten_thousand_come_and_go(alone):
    gateway = alone()
    # What is made once, and what the allocator keeps.
    come_and_go(gateway, 2000)
    files, memory = gateway.open_files(), gateway.memory()
    come_and_go(gateway, 10_000)
    grown = gateway.memory() - memory
    print(f"10,000 connections: {grown >> 10} KiB more")
    eventually(lambda: gateway.open_files() <= files + 1)
    assert grown < 8 << 20


# MARK: More than there is room for


def test_beyond_the_limit_of_connections(alone):
    gateway = alone(MAX_CONNECTIONS=40, REACTORS=1)
    eventually(lambda: connections(gateway) == 1)
    with contextlib.ExitStack() as stack:
        held = []
        # Whoever asked just now may not have left yet.
        def one_more():
            wire = stack.enter_context(gateway.wire())
            wire.send(request("GET", "/healthz"))
            answer = wire.answer()
            if answer.status == 200:
                held.append(wire)
            else:
                assert answer.status == 503 and answer["retry-after"] == "1" and answer["connection"] == "close"
                assert wire.rest() == b""
            return len(held) == 40

        eventually(one_more, 60, "it is full")
        for _ in range(30):
            assert not (one_more() and len(held) > 40)
        # Those who are in are served, and can tell.
        held[0].send(request("GET", "/metrics"))
        page = held[0].answer().body
        assert metric(page, "score_gateway_connections") == 40
        for wire in held:
            wire.send(post("in", 1))
        assert all(wire.answer().status == 200 for wire in held)
        for wire in held[:10]:
            wire.reset()
        eventually(lambda: (refused(gateway, "full") or 0) >= 30, what="there is room again, and they were counted")
    assert gateway.post("ada", 1)


def test_without_descriptors_it_serves_who_is_in_and_rests(alone):
    gateway = alone(REACTORS=2)
    gateway.post("ada", 1)
    room = 20
    limit = gateway.open_files() + room
    resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE, (limit, limit))
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(gateway.wire()) for _ in range(3 * room)]
        for wire in wires:
            wire.send(request("GET", "/healthz"))

        # The others wait in the backlog: nobody refuses them.
        def answered(wires):
            found = []
            for wire in wires:
                wire.socket.settimeout(0.01)
                with contextlib.suppress(TimeoutError):
                    if wire.pending or wire._more():
                        found.append(wire)
            return found

        began = time.monotonic()
        eventually(lambda: gateway.open_files() >= limit, what="no descriptor is left")
        within = eventually(lambda: answered(wires) or None)
        before = gateway.cpu_seconds()
        time.sleep(2)
        used = gateway.cpu_seconds() - before
        print(f"at the limit of descriptors: {used / 2:.3f} of a core")
        assert used < 1
        within = answered(wires)
        assert len(within) < len(wires)
        for wire in within:
            wire.socket.settimeout(20)
            assert wire.answer().status == 200
            wire.send(post("in", 1))
            assert wire.answer().status == 200
        within[0].send(request("GET", "/metrics"))
        page = within[0].answer()
        assert page.status == 200
        # Each reactor tries again ten times a second, and not as fast as it can.
        tries = metric(page.body, 'score_gateway_connections_refused_total{reason="descriptors"}')
        assert 1 <= tries <= 20 * (time.monotonic() - began) + 10, "it spins"
        outside = [wire for wire in wires if wire not in within]
        for wire in within:
            wire.reset()

        # In whatever order: those whose turn it is not yet may hold all the room meanwhile.
        def served():
            for wire in answered(outside):
                wire.socket.settimeout(20)
                assert wire.answer().status == 200
                wire.reset()
                outside.remove(wire)
            return not outside

        eventually(served, 60, "whoever waited is served when there is room")
    assert gateway.post("bob", 1)
