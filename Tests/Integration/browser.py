"""Headless Chromium over its DevTools protocol: a page, scripts evaluated in it, what it fetched."""

import contextlib
import itertools
import json
import shutil
import subprocess
import urllib.request

from websockets.sync.client import connect

from waiting import eventually


class Browser:
    def __init__(self, directory):
        self._connection = None
        self.process = subprocess.Popen(
            [
                shutil.which("chromium") or "chromium",
                "--headless=new",
                "--no-sandbox",  # tests may run as root
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--remote-debugging-port=0",
                f"--user-data-dir={directory}",
                "about:blank",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            port_file = directory / "DevToolsActivePort"
            port = eventually(
                lambda: port_file.exists() and port_file.read_text().split("\n")[0] or None, 60, "Chromium listens"
            )
            page = eventually(lambda: self._page(port), 60, "Chromium has a page")
            self._connection = connect(page["webSocketDebuggerUrl"], max_size=None)
            self.socket = self._connection.__enter__()
        except BaseException:
            self.close()
            raise
        self._numbers = itertools.count(1)
        self.requests, self.errors = [], []
        for domain in ["Page", "Runtime", "Network", "Log"]:
            self.call(f"{domain}.enable")

    @staticmethod
    def _page(port):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=5) as response:
                return next((target for target in json.load(response) if target["type"] == "page"), None)
        except OSError:
            return None

    def close(self):
        if self._connection:
            self._connection.__exit__(None, None, None)
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def call(self, method, **parameters):
        number = next(self._numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv(timeout=30))
            if message.get("id") == number:
                assert "error" not in message, message["error"]
                return message["result"]
            if message.get("method") == "Network.requestWillBeSent":
                self.requests.append(message["params"]["request"]["url"])
            if message.get("method") == "Runtime.exceptionThrown":
                self.errors.append(message["params"]["exceptionDetails"])

    def open(self, url):
        self.call("Page.navigate", url=url)
        eventually(lambda: self.evaluate("document.readyState") == "complete", 30, "the page is loaded")

    @contextlib.contextmanager
    def beginning_with(self, script):
        """Every page that is opened meanwhile runs this before its own."""
        made = self.call("Page.addScriptToEvaluateOnNewDocument", source=script)
        try:
            yield
        finally:
            self.call("Page.removeScriptToEvaluateOnNewDocument", identifier=made["identifier"])

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    @property
    def text(self):
        return self.evaluate("document.body.innerText")


def shows(browser, text, seconds=30):
    eventually(lambda: text in browser.text, seconds, f"the page shows {text!r}")
