"""HTTP/1.1 by hand over a socket: what no well-behaved client would send, and what exactly comes back."""

import contextlib
import dataclasses
import json
import socket
import struct


@dataclasses.dataclass
class Answer:
    version: str
    status: int
    headers: list  # of (name in lower case, value), in their order
    body: bytes

    def __getitem__(self, name):
        """The one field of that name; None when there is none."""
        values = [value for key, value in self.headers if key == name.lower()]
        assert len(values) <= 1, f"{name} came {len(values)} times"
        return values[0] if values else None

    @property
    def json(self):
        return json.loads(self.body)


class Wire:
    """A connection. Everything that waits fails at the socket's timeout."""

    def __init__(self, port, timeout=20, receive_buffer=None, tls=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.connect(("127.0.0.1", port))
        if tls:
            # An end without close_notify is an error.
            self.socket = tls.wrap_socket(self.socket, server_hostname="127.0.0.1", suppress_ragged_eofs=False)
        self.pending = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def send_whatever_happens(self, data):
        """Sends as far as the other side takes it."""
        with contextlib.suppress(ConnectionError):
            self.send(data)

    def send_bytewise(self, data):
        for index in range(len(data)):
            self.socket.sendall(data[index : index + 1])

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        """Leaves with a reset instead of an end."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _more(self):
        chunk = self.socket.recv(65536)
        self.pending += chunk
        return bool(chunk)

    def _until(self, delimiter):
        while delimiter not in self.pending:
            assert self._more(), f"the connection ended before {delimiter!r}: {self.pending!r}"
        taken, self.pending = self.pending.split(delimiter, 1)
        return taken

    def exactly(self, count):
        while len(self.pending) < count:
            assert self._more(), f"the connection ended after {len(self.pending)} of {count} bytes"
        taken, self.pending = self.pending[:count], self.pending[count:]
        return taken

    def rest(self):
        """Everything until the other side closes."""
        with contextlib.suppress(ConnectionResetError):
            while self._more():
                pass
        taken, self.pending = self.pending, b""
        return taken

    def answer(self, to="GET"):
        """The next response, read strictly. `to` is the method it answers: HEAD has no body."""
        start, *fields = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, status, *_ = start.split(" ", 2)
        headers = []
        for field in fields:
            name, value = field.split(":", 1)
            assert name.strip() == name and name, f"no field name: {field!r}"
            headers.append((name.lower(), value.strip()))
        answer = Answer(version, int(status), headers, b"")
        if to == "HEAD" or answer.status in (204, 304) or 100 <= answer.status < 200:
            return answer
        if answer["transfer-encoding"] is not None:
            assert answer["transfer-encoding"] == "chunked" and answer["content-length"] is None
            answer.body = b"".join(self._chunks())
        elif answer["content-length"] is not None:
            answer.body = self.exactly(int(answer["content-length"]))
        else:
            assert "close" in (answer["connection"] or "") or version == "HTTP/1.0", "where does the body end?"
            answer.body = self.rest()
        return answer

    def _chunks(self):
        while size := int(self._until(b"\r\n"), 16):
            yield self.exactly(size)
            assert self.exactly(2) == b"\r\n"
        while self._until(b"\r\n"):
            pass  # trailers


def request(method, target, body=b"", *fields, version="HTTP/1.1", host="localhost"):
    """The bytes of a request; a body brings its Content-Length."""
    body = body.encode() if isinstance(body, str) else body
    lines = [f"{method} {target} {version}"]
    if host is not None:
        lines.append(f"Host: {host}")
    if body and not any(field.lower().startswith(("content-length", "transfer-encoding")) for field in fields):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, *fields, "", ""]).encode() + body


def post(user, score, *fields):
    return request("POST", "/scores", json.dumps({"user": user, "score": score}), *fields)


def chunked(*parts):
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
