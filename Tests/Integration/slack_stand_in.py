"""Slack, as far as chat.postMessage goes: records what it is sent, and answers as a test wants it to."""

import contextlib
import dataclasses
import http.server
import json
import re
import threading
import time

from waiting import eventually


@dataclasses.dataclass
class Post:
    at: float  # time.monotonic()
    path: str
    headers: dict  # names in lower case
    body: bytes
    accepted: bool

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.json["text"]

    @property
    def told(self):
        """How many scores the message tells: a line each, and those of its last line."""
        return told(self.text)


def told(text):
    *named, last = text.splitlines()
    more = re.fullmatch(r"and ([1-9][0-9]*) more", last)
    if not more:
        named.append(last)
    assert len(named) <= 20 and len(text) <= 4_000, text
    assert all(re.fullmatch(r":tada: .+ just scored (1 point|-?[0-9]+ points)", line) for line in named), text
    return len(named) + (int(more[1]) if more else 0)


@dataclasses.dataclass
class Answer:
    status: int
    fields: dict
    content: bytes
    #: Seconds before the answer.
    after: float = 0
    #: Of the content, so many bytes come, and then the end.
    cut: int | None = None


OK = Answer(200, {}, b'{"ok":true,"ts":"1.2"}')
SERVER_ERROR = Answer(500, {}, b"oops")
GARBAGE = Answer(200, {"Content-Type": "text/html"}, b"<html>login, please</html>")
NOTHING = None  # closes without a word
NEVER = Answer(200, {}, b"", after=3600)  # takes the message and says nothing, on an open connection
HALF = dataclasses.replace(OK, cut=9)  # ends within its answer
ENDLESS = Answer(200, {}, b'{"ok":true,"ts":"' + b"1" * (2 << 20) + b'"}')  # more than anybody wants to read
EMOJI = {"type": "emoji", "name": "grinning", "unicode": "1f600"}
ECHO = Answer(200, {}, json.dumps({"ok": True, "message": {"blocks": [EMOJI] * 4000}}).encode())  # it repeats what it got


def too_many(retry_after=None):
    fields = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Answer(429, fields, b'{"ok":false,"error":"ratelimited"}')


def refused(error):
    return Answer(200, {}, json.dumps({"ok": False, "error": error}).encode())


def slow(seconds):
    return dataclasses.replace(OK, after=seconds)


class SlackStandIn:
    """`answers` are given one by one, then `always`."""

    def __init__(self):
        self.posts = []
        self.answers = []
        self.always = OK
        self._lock = threading.Lock()
        self._closing = threading.Event()
        stand_in = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with stand_in._lock:
                    answer = stand_in.answers.pop(0) if stand_in.answers else stand_in.always
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    accepted = answer is not None and answer.content == OK.content and answer.cut is None
                    stand_in.posts.append(Post(time.monotonic(), self.path, headers, body, accepted))
                if answer is NOTHING or stand_in._closing.wait(answer.after):
                    self.close_connection = True
                    return
                with contextlib.suppress(ConnectionError):  # who waits too long is gone
                    self.answer(answer)

            def answer(self, answer):
                self.send_response(answer.status)
                for name, value in {"Content-Type": "application/json", **answer.fields}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content[: answer.cut])
                if answer.cut is not None:
                    self.close_connection = True

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    @property
    def env(self):
        return {
            "SLACK_API_URL": f"http://127.0.0.1:{self.server.server_port}/api",
            "SLACK_API_TOKEN": "xoxb-test-token",
            "SLACK_CHANNEL": "#scores",
        }

    @property
    def texts(self):
        """The messages that Slack took, in their order."""
        return [post.text for post in list(self.posts) if post.accepted]

    @property
    def accepted(self):
        """Their lines: one a score, and perhaps a last one with the number of the others."""
        return [line for text in self.texts for line in text.splitlines()]

    @property
    def told(self):
        """How many scores Slack was told in what it took."""
        return sum(told(text) for text in self.texts)

    @property
    def gaps(self):
        """Seconds between one post and the next, taken or not."""
        times = [post.at for post in list(self.posts)]
        return [later - earlier for earlier, later in zip(times, times[1:])]

    def wait_for(self, count, seconds=30):
        """The lines that Slack took, when there are so many."""
        eventually(lambda: len(self.accepted) >= count, seconds, f"{count} lines at Slack")
        return self.accepted

    def wait_for_told(self, count, seconds=60):
        eventually(lambda: self.told >= count, seconds, f"{count} scores at Slack")
        return self.told

    def close(self):
        self._closing.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
