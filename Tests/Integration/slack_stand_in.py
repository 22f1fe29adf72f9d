"""Slack, as far as chat.postMessage goes: records what it is sent, and answers as a test wants it to."""

import dataclasses
import http.server
import json
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


OK = (200, {}, b'{"ok":true,"ts":"1.2"}')
SERVER_ERROR = (500, {}, b"oops")
GARBAGE = (200, {"Content-Type": "text/html"}, b"<html>login, please</html>")
NOTHING = None  # closes without a word


def too_many(seconds):
    return (429, {"Retry-After": str(seconds)}, b'{"ok":false,"error":"ratelimited"}')


def refused(error):
    return (200, {}, json.dumps({"ok": False, "error": error}).encode())


class SlackStandIn:
    """`answers` are given one by one, then `always`."""

    def __init__(self):
        self.posts = []
        self.answers = []
        self.always = OK
        self._lock = threading.Lock()
        stand_in = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with stand_in._lock:
                    answer = stand_in.answers.pop(0) if stand_in.answers else stand_in.always
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    stand_in.posts.append(Post(time.monotonic(), self.path, headers, body, answer == OK))
                if answer is NOTHING:
                    self.close_connection = True
                    return
                status, fields, content = answer
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **fields}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

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
    def accepted(self):
        """The texts that Slack took, in their order."""
        return [post.text for post in list(self.posts) if post.accepted]

    def wait_for(self, count, seconds=30):
        eventually(lambda: len(self.accepted) >= count, seconds, f"{count} posts; there are {self.accepted}")
        return self.accepted

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
