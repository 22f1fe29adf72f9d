#!/usr/bin/env python3
"""Runs Autobahn|Testsuite against the echo of a gateway of its own, and takes nothing but a strict pass.

    ./deploy/dev autobahn                 all cases, some ten minutes
    ./deploy/dev autobahn '12.*' 1.1.1    some of them

Needs GATEWAY_BIN (a score-gateway) and WSTEST (the suite's program); `deploy/dev autobahn` makes both. The report is a page for
a browser, in .build-autobahn/reports.
"""

import collections
import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

FOLDER = pathlib.Path(__file__).resolve().parents[2] / ".build-autobahn"
REPORTS = FOLDER / "reports"

AGENT = "score-gateway"

# How many cases version 0.8.2 has: a run in which some went missing is no pass.
ALL_CASES = 517

# What the suite itself never calls more than informational: whatever a server does in them is allowed.
INFORMATIONAL = {"7.1.6", "7.13.1", "7.13.2"}

# For the whole run, in seconds; on a fast machine it takes a quarter of it.
DEADLINE = 3600


def free_port():
    """Below the range from which the kernel takes the ports of clients."""
    while True:
        port = random.randrange(20_000, 30_000)
        with contextlib.closing(socket.socket()) as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_until_ready(process, port):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"autobahn: the gateway ended with {process.returncode}: {FOLDER / 'gateway.log'}")
        with contextlib.suppress(OSError):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readiness", timeout=5):
                return
        time.sleep(0.1)
    raise SystemExit(f"autobahn: the gateway does not get ready: {FOLDER / 'gateway.log'}")


@contextlib.contextmanager
def gateway():
    """A gateway with an echo, in no environment but this; its port."""
    port = free_port()
    scores = FOLDER / "scores"
    shutil.rmtree(scores, ignore_errors=True)
    scores.mkdir(parents=True)
    environment = {
        "PATH": os.environ["PATH"],
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WS_ECHO": "1",
        "SCORES_FILE": str(scores / "scores.sqlite"),
        "DRAIN_DELAY": "0",
        "SHUTDOWN_TIMEOUT": "5",
    }
    with open(FOLDER / "gateway.log", "wb") as log:
        process = subprocess.Popen(
            [os.environ["GATEWAY_BIN"], "serve"],
            env=environment,
            cwd=scores,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until_ready(process, port)
        yield port
        if process.poll() is not None:
            raise SystemExit(f"autobahn: the gateway ended with {process.returncode}: {FOLDER / 'gateway.log'}")
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(scores, ignore_errors=True)


def run_suite(port, cases):
    shutil.rmtree(REPORTS, ignore_errors=True)
    specification = FOLDER / "fuzzingclient.json"
    specification.write_text(
        json.dumps(
            {
                # Ours closes in the way of the RFC; the suite shall insist on it.
                "options": {"failByDrop": False},
                "outdir": str(REPORTS),
                "servers": [{"agent": AGENT, "url": f"ws://127.0.0.1:{port}/ws-echo"}],
                "cases": cases,
                "exclude-cases": [],
                "exclude-agent-cases": {},
            }
        )
    )
    with open(FOLDER / "wstest.log", "wb") as log:
        process = subprocess.Popen(
            [os.environ["WSTEST"], "--mode", "fuzzingclient", "--spec", str(specification)],
            cwd=FOLDER,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        code = process.wait(timeout=DEADLINE)
    except subprocess.TimeoutExpired:
        raise SystemExit(f"autobahn: not done after {DEADLINE} s: {FOLDER / 'wstest.log'}") from None
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if code != 0:
        raise SystemExit(f"autobahn: the suite ended with {code}: {FOLDER / 'wstest.log'}")


def judge(cases):
    """Prints what was found; whether it is a strict pass."""
    index = REPORTS / "index.json"
    if not index.exists():
        raise SystemExit(f"autobahn: the suite left no report: {FOLDER / 'wstest.log'}")
    results = json.loads(index.read_text())[AGENT]
    counts = collections.Counter()
    wrong = []
    for case, result in results.items():
        allowed = {"OK", "INFORMATIONAL"} if case in INFORMATIONAL else {"OK"}
        verdicts = [result["behavior"], result["behaviorClose"]]
        counts[verdicts[0]] += 1
        if not set(verdicts) <= allowed:
            wrong.append((case, *verdicts))
    for case, behavior, close in sorted(wrong, key=lambda found: [int(part) for part in found[0].split(".")]):
        print(f"autobahn: case {case}: {behavior}, close {close}")
    print(f"autobahn: {len(results)} cases: " + ", ".join(f"{count} {name}" for name, count in counts.most_common()))
    print(f"autobahn: the report: {REPORTS / 'index.html'}")
    if not results or (cases == ["*"] and len(results) != ALL_CASES):
        print(f"autobahn: {ALL_CASES} cases were expected")
        return False
    return not wrong


def main(cases):
    for name in ["GATEWAY_BIN", "WSTEST"]:
        if not os.access(os.environ.get(name, ""), os.X_OK):
            raise SystemExit(f"autobahn: {name} names no program; ./deploy/dev autobahn does all of it")
    FOLDER.mkdir(exist_ok=True)
    # What was started is stopped on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began = time.monotonic()
    with gateway() as port:
        run_suite(port, cases)
    passed = judge(cases)
    print(f"autobahn: {'passed' if passed else 'FAILED'} after {time.monotonic() - began:.0f} s")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["*"]))
