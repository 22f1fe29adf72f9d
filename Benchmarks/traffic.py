"""Clients that do one thing after another, so that the same is asked of the gateway in every run."""

import select
import socket
import urllib.parse

DEADLINE = 60
SCORE = b'{"user":"ada","score":3}'


class Connection:
    """One HTTP/1.1 connection, kept alive."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.host = parts.netloc
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout=DEADLINE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pending = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def get(self, path, count, pipelined=1):
        request = f"GET {path} HTTP/1.1\r\nHost: {self.host}\r\n\r\n".encode() * pipelined
        for _ in range(count // pipelined):
            self.socket.sendall(request)
            for _ in range(pipelined):
                self._answer(200)

    def post(self, count, pipelined=1):
        request = self._post("application/json", SCORE) * pipelined
        for _ in range(count // pipelined):
            self.socket.sendall(request)
            for _ in range(pipelined):
                self._answer(200)

    def post_lines(self, scores):
        """So many in one request."""
        self.socket.sendall(self._post("application/x-ndjson", (SCORE + b"\n") * scores))
        self._answer(200)

    def _post(self, media_type, body):
        head = (f"POST /scores HTTP/1.1\r\nHost: {self.host}\r\nContent-Type: {media_type}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n")  # fmt: skip
        return head.encode() + body

    def _answer(self, wanted):
        while b"\r\n\r\n" not in self.pending:
            self._more()
        head, self.pending = self.pending.split(b"\r\n\r\n", 1)
        status = int(head.split(b" ", 2)[1])
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        length = int(fields[b"content-length"])
        while len(self.pending) < length:
            self._more()
        body, self.pending = self.pending[:length], self.pending[length:]
        if status != wanted:
            raise SystemExit(f"answered with {status}: {body!r}")

    def _more(self):
        piece = self.socket.recv(1 << 16)
        if not piece:
            raise SystemExit("the gateway closed the connection")
        self.pending += piece


class Subscribers:
    """WebSockets on the feed that count what they get."""

    def __init__(self, url, number):
        parts = urllib.parse.urlsplit(url)
        self.members = []
        for index in range(number):
            member = Connection(url)
            member.socket.sendall(
                f"GET /ws/{index} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
            while b"\r\n\r\n" not in member.pending:
                member._more()
            head, member.pending = member.pending.split(b"\r\n\r\n", 1)
            if b" 101 " not in head.split(b"\r\n")[0]:
                raise SystemExit(f"no WebSocket: {head!r}")
            self.members.append(member)
        self.drain()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for member in self.members:
            member.socket.close()

    def see(self, client, burst, times):
        """`client` posts so many at once, and all have seen them before it posts again."""
        for _ in range(times):
            client.post(1) if burst == 1 else client.post_lines(burst)
            self._wait(burst)

    def drain(self):
        """What a new subscriber gets of the past."""
        while ready := select.select([member.socket for member in self.members], [], [], 0.5)[0]:
            for one in ready:
                one.recv(1 << 16)
        for member in self.members:
            member.pending = b""

    def _wait(self, frames):
        missing = {member.socket.fileno(): member for member in self.members}
        seen = dict.fromkeys(missing, 0)
        while missing:
            ready = select.select(list(missing), [], [], DEADLINE)[0]
            if not ready:
                raise SystemExit(f"{len(missing)} subscribers have not seen all within {DEADLINE} s")
            for number in ready:
                member = missing[number]
                member._more()
                seen[number] += self._frames(member)
                if seen[number] >= frames:
                    del missing[number]

    @staticmethod
    def _frames(member):
        """Takes whole frames (RFC 6455, section 5.2) off its front, and says how many."""
        bytes_, offset, found = member.pending, 0, 0
        while len(bytes_) >= offset + 4:
            length, head = bytes_[offset + 1] & 0x7F, 2
            if length == 126:
                length, head = int.from_bytes(bytes_[offset + 2 : offset + 4], "big"), 4
            if len(bytes_) < offset + head + length:
                break
            found += (bytes_[offset] & 0x0F) == 1
            offset += head + length
        member.pending = bytes_[offset:]
        return found
