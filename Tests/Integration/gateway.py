"""score-gateway as a process: started with nothing in its environment but what a test gives it."""

import contextlib
import http.client
import json
import os
import pathlib
import random
import signal
import socket
import ssl
import subprocess
import uuid

import pytest

from services import CHECKOUT
from waiting import eventually
from wire import Wire


# Of a binary that has a sanitizer in it (`deploy/dev sanitize`).
SANITIZER = {
    name: os.environ[name] for name in ["ASAN_OPTIONS", "TSAN_OPTIONS", "SWIFT_BACKTRACE"] if name in os.environ
}
REPORTS = os.environ.get("SANITIZER_REPORTS")


def binary():
    given = os.environ.get("GATEWAY_BIN")
    for path in [given] if given else [".build/debug/score-gateway", ".build/release/score-gateway"]:
        if (CHECKOUT / path).exists():
            return str((CHECKOUT / path).resolve())
    raise RuntimeError("no score-gateway: build it, or name it in GATEWAY_BIN")


def free_port():
    """Below the range from which the kernel takes the ports of clients; SO_REUSEPORT would hide a collision."""
    while True:
        port = random.randrange(20_000, 30_000)
        with contextlib.closing(socket.socket()) as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def command(*arguments, env=None, directory=None, timeout=60):
    """Runs a sub-command to its end; `.returncode`, `.stdout` and `.stderr` are texts."""
    return subprocess.run(
        [binary(), *arguments],
        env={"PATH": os.environ["PATH"], **SANITIZER, **(env or {})},
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def metric(page, name):
    """The value of a metric on a page of `/metrics`."""
    values = [line.rsplit(" ", 1)[1] for line in page.decode().splitlines() if line.startswith(f"{name} ")]
    assert len(values) == 1, f"{name} is there {len(values)} times"
    return float(values[0])


class Gateway:
    """One process. `stop()` is SIGTERM and asks for exit code 0, and so does the end of the test."""

    def __init__(self, env, directory, command=("serve",)):
        self.command = command
        self.port = int(env.get("PORT", 0)) or free_port()
        self.env = {
            "PATH": os.environ["PATH"],
            **SANITIZER,
            "HOST": "127.0.0.1",
            "REACTORS": "2",
            "DRAIN_DELAY": "0",
            "SHUTDOWN_TIMEOUT": "10",
            **env,
            "PORT": str(self.port),
        }
        # One that serves TLS has its certificate's authority beside it.
        certificate = env.get("TLS_CERT_FILE")
        self.tls = ssl.create_default_context(cafile=pathlib.Path(certificate).parent / "ca.pem") if certificate else None
        self.directory = pathlib.Path(directory)
        self.log_file = self.directory / f"gateway-{self.port}-{uuid.uuid4().hex[:6]}.log"
        self.process = None

    def start(self, ready=True):
        self.launch()
        self.wait_for("/readiness" if ready else "/healthz")
        return self

    def launch(self):
        """Starts it, whether or not it comes to anything."""
        with open(self.log_file, "wb") as log:
            self.process = subprocess.Popen(
                [binary(), *self.command],
                env=self.env,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait_for(self, path, status=200, seconds=30):
        def answered():
            assert self.process.poll() is None, f"the gateway ended with {self.process.returncode}:\n{self.log}"
            with contextlib.suppress(OSError, http.client.HTTPException):
                return self.get(path).status == status

        eventually(answered, seconds, f"{path} answers {status}; the log:\n{self.log}")

    @property
    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def stop(self):
        """SIGTERM, and exit code 0 within the shutdown timeout."""
        if self.process.poll() is None:
            self.signal()
        try:
            code = self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the gateway does not end at SIGTERM; its log:\n{self.log}") from None
        self.assert_no_report()
        assert code == 0, f"the gateway ended with {code}; its log:\n{self.log}"

    def kill(self):
        """kill -9: what a power cut leaves."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.assert_no_report()

    def assert_no_report(self):
        """A sanitizer found nothing in the process that has ended."""
        report = pathlib.Path(f"{REPORTS}.{self.process.pid}")
        assert not REPORTS or not report.exists(), report.read_text(errors="replace")

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def metric(self, name):
        """The value of a metric, whose labels belong to its name."""
        answer = self.get("/metrics")
        assert answer.status == 200, f"/metrics is answered {answer.status}"
        return metric(answer.content, name)

    def metric_if_answered(self, name):
        """The same for `eventually`; None while there is no room for who asks."""
        with contextlib.suppress(AssertionError, OSError, http.client.HTTPException):
            return self.metric(name)

    def peak_memory(self):
        """The most resident memory it ever had, in bytes."""
        return self._memory("VmHWM")

    def memory(self):
        """The resident memory it has now, in bytes."""
        return self._memory("VmRSS")

    def _memory(self, name):
        if REPORTS:
            pytest.skip("most of the memory is the sanitizer's")
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError(f"no {name}")

    def open_files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def cpu_seconds(self):
        """What it has used of the processors so far."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    # The everyday client; what is special speaks through `wire()`.

    def wire(self, **options):
        return Wire(self.port, tls=self.tls, **options)

    def request(self, method, path, body=None, headers=None):
        connection = (
            http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=self.tls)
            if self.tls
            else http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        )
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            response.content = response.read()
            return response
        finally:
            connection.close()

    def get(self, path, headers=None):
        return self.request("GET", path, headers=headers)

    def post(self, user, score):
        """Posts a score, which must be accepted: the stored score."""
        response = self.request("POST", "/scores", json.dumps({"user": user, "score": score}))
        assert response.status == 200, (response.status, response.content)
        return json.loads(response.content)

    def scores(self, query=""):
        response = self.get(f"/scores{query}")
        assert response.status == 200, (response.status, response.content)
        return json.loads(response.content)
