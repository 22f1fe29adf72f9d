"""permessage-deflate (RFC 7692) on the wire: Python's `websockets`, Chromium, and frames by hand."""

import json
import zlib

import pytest
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from browser import Browser
from feed import BINARY, CLOSE, PING, PONG, TEXT, close_code, deflated, frame, handshake, receive, subscribe
from gateway import Gateway
from waiting import eventually

LONG = "the one with the long name " * 8
ALWAYS = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
OFFER = "Sec-WebSocket-Extensions: permessage-deflate"
RSV1 = 4


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """One for the module, that is told of nothing but the echo."""
    made = Gateway({"WS_ECHO": "1"}, tmp_path_factory.mktemp("deflate"))
    made.start()
    yield made
    made.stop()


def inflated(payload, bits=11):
    """A message of the server, with no larger window than what it agreed to (7.2.2)."""
    return zlib.decompressobj(-bits).decompress(payload + b"\x00\x00\xff\xff")


class Raw:
    """A WebSocket opened by hand, with what the server answered to the offers."""

    def __init__(self, gateway, target, *fields):
        self.wire = gateway.wire()
        self.wire.send(handshake(target, *fields))
        answer = self.wire.answer()
        assert answer.status == 101, (answer.status, answer.body)
        self.agreed = answer["sec-websocket-extensions"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.wire.socket.close()

    def send(self, *arguments, **options):
        self.wire.send_whatever_happens(frame(*arguments, **options))

    def frame(self):
        """The next frame: reserved bits, opcode, payload."""
        first, second = self.wire.exactly(2)
        length = second & 0x7F
        if length >= 126:
            length = int.from_bytes(self.wire.exactly(2 if length == 126 else 8), "big")
        return first >> 4 & 7, first & 0x0F, self.wire.exactly(length)

    def message(self, bits=11):
        """The next message, inflated if it is compressed: whether it was, and its bytes."""
        reserved, opcode, payload = self.frame()
        assert opcode in (TEXT, BINARY), (opcode, payload)
        assert reserved in (0, RSV1)
        return reserved == RSV1, inflated(payload, bits) if reserved else payload

    def closed(self):
        reserved, opcode, payload = self.frame()
        assert (reserved, opcode) == (0, CLOSE), (reserved, opcode, payload)
        return int.from_bytes(payload[:2], "big")


# MARK: The handshake


@pytest.mark.parametrize("target", ["/ws/1?history=0", "/ws-echo"])
@pytest.mark.parametrize(
    "offers, agreed",
    [
        ([], None),
        ([OFFER], ALWAYS),
        ([f"{OFFER}; client_max_window_bits"], f"{ALWAYS}; client_max_window_bits=11"),
        ([f"{OFFER}; server_max_window_bits=9"], f"{ALWAYS}; server_max_window_bits=9"),
        ([f"{OFFER}; server_max_window_bits=8"], None),
        ([f"{OFFER}; server_max_window_bits=8", "Sec-WebSocket-Extensions: x, permessage-deflate"], ALWAYS),
        ([f"{OFFER}; unheard_of"], None),
        (["Sec-WebSocket-Extensions:"], None),
    ],
)
def test_offers(gateway, target, offers, agreed):
    with Raw(gateway, target, *offers) as socket:
        assert socket.agreed == agreed


@pytest.mark.parametrize("value", ["permessage-deflate; ", "a b", 'a; b="', ";"])
def test_what_is_no_list_of_extensions_is_400(gateway, value):
    wire = gateway.wire()
    wire.send(handshake("/ws-echo", OFFER, f"Sec-WebSocket-Extensions: {value}"))
    assert wire.answer().status == 400
    wire.socket.close()


# MARK: The echo


@pytest.mark.parametrize("bits", [9, 10, 11, 15])
def test_the_echo_compresses_within_the_window(gateway, bits):
    with Raw(gateway, "/ws-echo", f"{OFFER}; server_max_window_bits={bits}") as socket:
        for length in [0, 1, 127, 128, 1000, 100_000]:
            text = (LONG * (length // len(LONG) + 1))[:length].encode()
            socket.send(TEXT, deflated(text), reserved=RSV1)
            compressed, message = socket.message(min(bits, 11))
            assert message == text
            assert compressed == (length >= 128), length
        # Plain messages may come at any time.
        socket.send(BINARY, b"plain")
        assert socket.message() == (False, b"plain")


def test_a_real_client_and_large_messages(gateway):
    with subscribe(gateway, path="/ws-echo") as socket:
        assert "client_max_window_bits=11" in socket.response.headers["Sec-WebSocket-Extensions"]
        for message in ["", "short", LONG, "ä🎉" * 100_000, b"\0" * (16 << 20), bytes(range(256)) * 1000]:
            socket.send(message)
            assert socket.recv(timeout=60) == message
    options = ClientPerMessageDeflateFactory(server_max_window_bits=10, client_max_window_bits=9)
    with subscribe(gateway, path="/ws-echo", compression=None, extensions=[options]) as socket:
        for message in [LONG, "again " * 5000]:
            socket.send(message)
            assert socket.recv(timeout=20) == message


def test_fragments_of_a_compressed_message_around_a_ping(gateway):
    payload = deflated(LONG.encode())
    with Raw(gateway, "/ws-echo", OFFER) as socket:
        socket.send(TEXT, payload[:5], fin=False, reserved=RSV1)
        socket.send(PING, b"?")
        assert socket.frame() == (0, PONG, b"?")
        socket.send(0, payload[5:], fin=False)
        socket.send(0, b"")
        assert socket.message() == (True, LONG.encode())


# MARK: What is refused


@pytest.mark.parametrize("target", ["/ws/1?history=0", "/ws-echo"])
@pytest.mark.parametrize(
    "offers, frames, code",
    [
        ([], [((TEXT, deflated(b"x")), {"reserved": RSV1})], 1002),
        ([OFFER], [((TEXT, b"x"), {"reserved": 2})], 1002),
        ([OFFER], [((PING, b""), {"reserved": RSV1})], 1002),
        ([OFFER], [((TEXT, b""), {"fin": False}), ((0, deflated(b"x")), {"reserved": RSV1})], 1002),
        ([OFFER], [((TEXT, b"\x07"), {"reserved": RSV1})], 1007),
        ([OFFER], [((TEXT, deflated(b"\xff")), {"reserved": RSV1})], 1007),
    ],
)
def test_bad_frames(gateway, target, offers, frames, code):
    with Raw(gateway, target, *offers) as socket:
        for arguments, options in frames:
            socket.send(*arguments, **options)
        assert socket.closed() == code


def test_a_bomb_is_not_unpacked(gateway):
    """A gigabyte in one megabyte, and the limit of the feed: 64 KiB."""
    with Raw(gateway, "/ws/1?history=0", OFFER) as socket:
        socket.send(TEXT, deflated(b" " * (64 << 10)), reserved=RSV1)  # what may be said, and is not answered
        before = gateway.peak_memory()
        socket.send(TEXT, deflated(b" " * (48 << 20)), reserved=RSV1)
        assert socket.closed() == 1009
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = b"".join(compressor.compress(bytes(1 << 20)) for _ in range(1024)) + compressor.flush(zlib.Z_SYNC_FLUSH)
    with Raw(gateway, "/ws-echo", OFFER) as socket:
        socket.send(BINARY, bomb[:-4], reserved=RSV1)
        assert socket.closed() == 1009
    # The echo may have its 16 MiB, in a buffer that doubles.
    assert gateway.peak_memory() - before < 100 << 20
    with subscribe(gateway) as socket:
        socket.send(LONG * 1000)
        assert close_code(socket) == 1009


# MARK: The feed


def test_long_scores_are_compressed_for_all_who_agreed(gateway):
    """The same bytes for each of them; plain ones for the others."""
    with (
        Raw(gateway, "/ws/1?history=0", f"{OFFER}; client_max_window_bits") as one,
        Raw(gateway, "/ws/2?history=0", f"{OFFER}; server_max_window_bits=15") as two,
        Raw(gateway, "/ws/3?history=0", f"{OFFER}; server_max_window_bits=10") as small,
        Raw(gateway, "/ws/4?history=0") as plain,
        subscribe(gateway, "?history=0") as real,
    ):
        eventually(lambda: gateway.metric("score_gateway_feed_deflated") == 3, what="three who agreed")
        long, short = gateway.post(LONG, 3), gateway.post("ada", 4)
        first = one.frame()
        assert first[:2] == (RSV1, TEXT)
        assert json.loads(inflated(first[2])) == long
        assert two.frame() == first, "compressed once"
        for socket in [small, plain]:
            reserved, _, payload = socket.frame()
            assert reserved == 0 and json.loads(payload) == long
            assert len(payload) > len(first[2])
        for socket in [one, two, small, plain]:
            reserved, _, payload = socket.frame()
            assert reserved == 0 and json.loads(payload) == short
        assert receive(real, 2) == [long, short]
    eventually(lambda: gateway.metric("score_gateway_feed_deflated") == 0, what="nobody is left")


def test_who_agrees_finds_the_history(gateway):
    """Whatever was in the log before the first of them came, and where each goes on."""
    ids = [gateway.post(f"{LONG} {number}", number)["id"] for number in range(20)]
    for after in [ids[0] - 1, ids[9]]:
        with (
            subscribe(gateway, f"?after={after}") as agreed,
            subscribe(gateway, f"?after={after}", compression=None) as plain,
        ):
            live = gateway.post(LONG, 1)["id"]
            expected = [id for id in ids if id > after] + [live]
            for socket in [agreed, plain]:
                seen = []
                while live not in seen:
                    seen.append(receive(socket, 1)[0]["id"])
                assert set(expected) <= set(seen)
        ids.append(live)
    with subscribe(gateway, "?history=10") as agreed, subscribe(gateway, "?history=10", compression=None) as plain:
        assert receive(agreed, 10) == receive(plain, 10)


def test_the_first_who_agrees_finds_what_came_before(tmp_path):
    gateway = Gateway({}, tmp_path)
    gateway.start()
    try:
        stored = [gateway.post(f"{LONG} {number}", number) for number in range(30)]
        # One of each reactor at least, in whatever order the kernel spreads them.
        for _ in range(8):
            with subscribe(gateway) as socket:
                assert receive(socket, 30) == stored
        with subscribe(gateway) as socket:
            stored.append(gateway.post(LONG, 5))
            assert receive(socket, 31) == stored
        with Raw(gateway, "/ws/1", OFFER) as socket:
            assert [json.loads(socket.message()[1]) for _ in range(31)] == stored
        gateway.stop()
    finally:
        gateway.kill()


def test_a_browser_agrees_by_itself(gateway, tmp_path):
    browser = Browser(tmp_path)
    try:
        browser.open(gateway.url + "/")
        eventually(lambda: gateway.metric("score_gateway_feed_deflated") == 1, 60, "the page's WebSocket agreed")
        name = "x" * 200
        gateway.post(name, 77)
        eventually(lambda: name in browser.text, 60, "the page shows what was compressed")
        browser.evaluate(
            """window.heard = [];
            window.echo = new WebSocket(location.origin.replace("http", "ws") + "/ws-echo");
            echo.onmessage = (event) => heard.push(event.data);
            echo.onopen = () => { echo.send("ä".repeat(50000)); echo.send(""); echo.send("short"); }"""
        )
        eventually(lambda: browser.evaluate("heard.length") == 3, 60, "three echoes")
        assert browser.evaluate("heard[0] === 'ä'.repeat(50000) && heard[1] === '' && heard[2] === 'short'") is True
        assert "permessage-deflate" in browser.evaluate("echo.extensions")
        assert not browser.errors
    finally:
        browser.close()
