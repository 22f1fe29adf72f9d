"""WebSocket clients of the live feed: Python's `websockets`, and frames by hand for what it would not send."""

import base64
import hashlib
import json
import os
import struct
import threading
import zlib

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from waiting import eventually
from wire import request


def subscribe(gateway, query="", client=1, path=None, **options):
    """A client of `websockets` on the feed, for a with statement."""
    if gateway.tls:
        options.setdefault("ssl", gateway.tls)
    url = f"{'wss' if gateway.tls else 'ws'}://127.0.0.1:{gateway.port}{path or f'/ws/{client}'}{query}"
    return connect(url, open_timeout=20, close_timeout=5, max_size=None, **options)


def receive(socket, count, timeout=20):
    """The next `count` messages as objects."""
    return [json.loads(socket.recv(timeout=timeout)) for _ in range(count)]


def silent(socket, seconds=0.3):
    """Whether nothing comes for a while: only to show an absence, after what would have caused it was answered."""
    try:
        message = socket.recv(timeout=seconds)
    except TimeoutError:
        return True
    raise AssertionError(f"unexpected: {message!r}")


def close_code(socket, timeout=20):
    """Reads on until the server closes: the close code it gave."""
    try:
        while True:
            socket.recv(timeout=timeout)
    except ConnectionClosed as end:
        return end.rcvd.code if end.rcvd else None


class Collector:
    """Reads a feed on a thread from the moment it is made."""

    def __init__(self, gateway, query="", client=1, **options):
        self._connection = subscribe(gateway, query, client, **options)
        self.socket = self._connection.__enter__()
        self.scores = []
        self.close_code = None
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self):
        try:
            while True:
                self.scores.append(json.loads(self.socket.recv()))
        except ConnectionClosed as end:
            self.close_code = end.rcvd.code if end.rcvd else 1006

    @property
    def ids(self):
        return [score.get("id") for score in list(self.scores)]

    def wait_for(self, count, seconds=30):
        eventually(lambda: len(self.scores) >= count, seconds, f"{count} scores in the feed; {len(self.scores)} came")
        return list(self.scores)

    def close(self):
        self._connection.__exit__(None, None, None)
        self._thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# MARK: Frames by hand

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def handshake(target="/ws/1", *fields, key="dGhlIHNhbXBsZSBub25jZQ==", version="13"):
    lines = ["Connection: Upgrade", "Upgrade: websocket"]
    if key is not None:
        lines.append(f"Sec-WebSocket-Key: {key}")
    if version is not None:
        lines.append(f"Sec-WebSocket-Version: {version}")
    return request("GET", target, b"", *lines, *fields)


def accept_of(key):
    digest = hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    return base64.b64encode(digest).decode()


def frame(opcode, payload=b"", fin=True, reserved=0, masked=True, length=None):
    """The bytes of a client's frame; `length` may lie."""
    length = len(payload) if length is None else length
    head = bytes([(0x80 if fin else 0) | reserved << 4 | opcode])
    bit = 0x80 if masked else 0
    if length < 126:
        head += bytes([bit | length])
    elif length < 65536:
        head += bytes([bit | 126]) + struct.pack(">H", length)
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", length)
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


def deflated(message):
    """A message as a client sends it compressed (RFC 7692 7.2.1), without its frame."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = compressor.compress(message) + compressor.flush(zlib.Z_SYNC_FLUSH)
    assert data.endswith(b"\x00\x00\xff\xff")
    return data[:-4]


class RawFeed:
    """A feed's connection, opened by hand."""

    def __init__(self, gateway, target="/ws/1?history=0", receive_buffer=None, *fields):
        self.wire = gateway.wire(receive_buffer=receive_buffer)
        self.wire.send(handshake(target, *fields))
        answer = self.wire.answer()
        assert answer.status == 101, (answer.status, answer.body)
        assert answer["sec-websocket-accept"] == accept_of("dGhlIHNhbXBsZSBub25jZQ==")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.wire.socket.close()

    def send(self, data):
        self.wire.send_whatever_happens(data)

    def frame(self):
        """The next frame of the server, which is never masked: its opcode and its payload."""
        first, second = self.wire.exactly(2)
        assert not second & 0x80, "a server does not mask"
        assert not first & 0x70, "a reserved bit without an extension"
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack(">H", self.wire.exactly(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", self.wire.exactly(8))
        return first & 0x0F, self.wire.exactly(length)

    def close_code(self):
        """Reads on to the close frame, and to the end of the connection after it: the code."""
        while True:
            opcode, payload = self.frame()
            if opcode == CLOSE:
                self.wire.send_whatever_happens(frame(CLOSE, payload[:2]))
                assert self.wire.rest() == b"", "something after the close frame"
                return struct.unpack(">H", payload[:2])[0] if payload else 1005
