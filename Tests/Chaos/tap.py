"""Reads along an AMQP 0-9-1 connection, as far as the deliveries of one queue and what becomes of them go."""

import json
import struct
import time

METHOD, HEADER, BODY = 1, 2, 3
OPEN_CHANNEL, CONSUME, DELIVER = (20, 10), (60, 20), (60, 60)
ACK, REJECT, NACK = (60, 80), (60, 90), (60, 120)


class FrameReader:
    """Frames out of bytes however they are cut. Gives (type, channel, payload)."""

    def __init__(self, header=0):
        self._buffer = bytearray()
        self._skip = header  # "AMQP" and the version, which a client says first

    def feed(self, data):
        self._buffer += data
        if self._skip:
            if len(self._buffer) < self._skip:
                return
            del self._buffer[: self._skip]
            self._skip = 0
        start = 0
        while len(self._buffer) - start >= 8:
            kind, channel, size = struct.unpack_from(">BHI", self._buffer, start)
            if len(self._buffer) - start < size + 8:
                break
            payload = bytes(self._buffer[start + 7 : start + 7 + size])
            assert self._buffer[start + 7 + size] == 0xCE, "no frame end: the connection lost or gained bytes"
            start += size + 8
            yield kind, channel, payload
        del self._buffer[:start]


def short_string(payload, at):
    return payload[at + 1 : at + 1 + payload[at]].decode(), at + 1 + payload[at]


def names_of(body):
    """The names of the scores in a message: one object, or one a line."""
    return [json.loads(line)["user"] for line in body.splitlines() if line.strip()]


class AMQPTap:
    """Bytes that were passed on in each direction → events of `account.channel(node)`."""

    def __init__(self, account, node, queue, clock=time.monotonic):
        self._account, self._node, self._queue, self._clock = account, node, queue, clock
        self._client, self._server = FrameReader(header=8), FrameReader()
        self._channels = {}
        self._incoming = {}  # channel → [delivery tag, bytes still to come, body]

    def upstream(self, data):
        for kind, number, payload in self._client.feed(data):
            if kind != METHOD:
                continue
            method = struct.unpack_from(">HH", payload)
            if method == OPEN_CHANNEL:
                self._channels.pop(number, None)
            elif method == CONSUME and short_string(payload, 6)[0] == self._queue:
                # Consuming again on the same channel leaves the tags of what was delivered on it as they are.
                if number not in self._channels:
                    self._channels[number] = self._account.channel(self._node)
            elif number in self._channels and method in (ACK, REJECT, NACK):
                self._settled(self._channels[number], method, *struct.unpack_from(">QB", payload, 4))

    @staticmethod
    def _settled(channel, method, tag, bits):
        if method == ACK:
            channel.acked(tag, multiple=bool(bits & 1))
        elif method == NACK:
            channel.refused(tag, multiple=bool(bits & 1), requeue=bool(bits & 2))
        else:
            channel.refused(tag, multiple=False, requeue=bool(bits & 1))

    def downstream(self, data):
        for kind, number, payload in self._server.feed(data):
            if number not in self._channels:
                continue
            if kind == METHOD and struct.unpack_from(">HH", payload) == DELIVER:
                _, at = short_string(payload, 4)
                self._incoming[number] = [struct.unpack_from(">Q", payload, at)[0], 0, b""]
            elif kind == HEADER and number in self._incoming:
                (self._incoming[number][1],) = struct.unpack_from(">Q", payload, 4)
                self._complete(number)
            elif kind == BODY and number in self._incoming:
                self._incoming[number][2] += payload
                self._complete(number)

    def _complete(self, number):
        tag, size, body = self._incoming[number]
        if len(body) >= size:
            del self._incoming[number]
            self._channels[number].delivered(tag, names_of(body), self._clock())
