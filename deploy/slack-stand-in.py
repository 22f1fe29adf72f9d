"""Slack's chat.postMessage for those who have no token: says yes to every post, and prints it."""

import http.server
import json


class Slack(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            message = json.loads(body)
            print(message["channel"], message["text"], sep="\t")
            self.answer({"ok": True})
        except (ValueError, KeyError, TypeError):
            self.answer({"ok": False, "error": "invalid_json"})

    def do_GET(self):
        self.answer({"ok": True})

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """What is posted is what there is to see."""


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("", 8080), Slack).serve_forever()
