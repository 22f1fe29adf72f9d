"""deploy/dev itself: what it starts, and that it leaves nothing behind."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time
import urllib.request

import pytest

from gateway import binary, free_port
from services import DEV
from waiting import eventually


@pytest.fixture
def checkout(tmp_path):
    """A checkout of just the script: the gateway is built already."""
    (tmp_path / "deploy").mkdir()
    shutil.copy(DEV, tmp_path / "deploy" / "dev")
    yield tmp_path
    dev(tmp_path, "services", "down")


def dev(checkout, *arguments, **env):
    """None is a variable that is not set."""
    env = {"PATH": os.environ["PATH"], "HOME": str(checkout), "GATEWAY_BIN": binary(), **env}
    return subprocess.run(
        [checkout / "deploy" / "dev", *arguments],
        env={name: value for name, value in env.items() if value is not None},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
    )


def processes_in(folder):
    """The processes that run below a folder."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if pathlib.Path(os.readlink(process / "cwd")).is_relative_to(folder):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" "))
        except OSError:
            pass  # ended meanwhile, or somebody else's
    return found


@pytest.mark.timeout(300)
def test_run_with_services_leaves_nothing_behind(checkout):
    port = free_port()
    url = f"http://localhost:{port}"
    env = {"PATH": os.environ["PATH"], "HOME": str(checkout), "GATEWAY_BIN": binary(), "PORT": str(port)}
    scores = []
    for number in [signal.SIGINT, signal.SIGTERM]:
        with open(checkout / "log", "w") as log:
            process = subprocess.Popen(
                [checkout / "deploy" / "dev", "run", "--services"],
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:

            def ready():
                assert process.poll() is None, (checkout / "log").read_text()
                try:
                    with urllib.request.urlopen(f"{url}/readiness", timeout=5) as response:
                        return response.status == 200
                except OSError:
                    return False

            eventually(ready, 150, "deploy/dev run --services serves")
            data = (checkout / ".services" / "data").resolve()
            assert url in (checkout / "log").read_text(), "it says what to open"
            with urllib.request.urlopen(f"{url}/scores", timeout=10) as response:
                assert json.load(response) == scores, "the scores of the last time are kept"
            with urllib.request.urlopen(f"{url}/scores", b'{"user":"ada","score":3}', timeout=10) as response:
                scores.append(json.load(response))
            assert len(processes_in(data)) >= 3
            os.killpg(process.pid, number)  # as a terminal does it
            assert process.wait(timeout=90) == 0, (checkout / "log").read_text()
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(timeout=90)
        assert processes_in(data) == []
    assert dev(checkout, "services", "down").returncode == 0
    assert not data.exists() and not (checkout / ".services").exists()


def test_run_needs_no_server(checkout):
    """The first of the README's two commands: scores are kept below .services, and Ctrl-C leaves nothing running."""
    port = free_port()
    url = f"http://localhost:{port}"
    env = {"PATH": os.environ["PATH"], "HOME": str(checkout), "GATEWAY_BIN": binary(), "PORT": str(port)}
    scores = []
    for number in [signal.SIGINT, signal.SIGTERM]:
        with open(checkout / "log", "w") as log:
            process = subprocess.Popen(
                [checkout / "deploy" / "dev", "run"], env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:

            def ready():
                assert process.poll() is None, (checkout / "log").read_text()
                try:
                    with urllib.request.urlopen(f"{url}/readiness", timeout=5) as response:
                        return response.status == 200
                except OSError:
                    return False

            eventually(ready, 30, "deploy/dev run serves")
            assert url in (checkout / "log").read_text(), "it says what to open"
            with urllib.request.urlopen(f"{url}/scores", timeout=10) as response:
                assert json.load(response) == scores, "the scores of the last time are kept"
            post = urllib.request.Request(f"{url}/scores", json.dumps({"user": "ada", "score": 3}).encode())
            with urllib.request.urlopen(post, timeout=10) as response:
                scores.append(json.load(response))
            process.send_signal(number)
            assert process.wait(30) == 0, (checkout / "log").read_text()
        finally:
            process.kill()
            process.wait()
    assert sorted(path.name for path in checkout.iterdir()) == [".services", "deploy", "log"]
    assert processes_in(checkout) == []


def test_help_and_nonsense(checkout):
    assert "run --services" in dev(checkout, "help").stdout
    assert dev(checkout, "dance").returncode == 64
    assert dev(checkout, "services", "status").returncode == 3
    assert not (checkout / ".services").exists()


def test_without_swift_it_says_how_to_get_it(checkout):
    path = "/usr/bin:/bin"
    if shutil.which("swift", path=path):
        pytest.skip("Swift is in /usr/bin here")
    urls = {"DATABASE_URL": "postgresql://x/x", "BROKER_URL": "amqp://x"}
    for home in [str(checkout), None]:  # a service of the system has none
        result = dev(checkout, "run", PATH=path, HOME=home, GATEWAY_BIN="", **urls)
        assert result.returncode == 1 and "swiftly" in result.stderr and "unbound" not in result.stderr


def test_stages_run_from_any_folder(checkout):
    """`test` calls the script anew for some of its stages; what it was called by is relative to another folder then."""
    tools = checkout / "tools"
    tools.mkdir()
    (tools / "swift").write_text("#!/bin/sh\necho Swift version 6.3\n")
    (tools / "swift").chmod(0o755)
    result = subprocess.run(
        [f"{checkout.name}/deploy/dev", "test", "lint"],
        cwd=checkout.parent,
        env={"PATH": f"{tools}:{os.environ['PATH']}", "HOME": str(checkout)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0 and "stages: 1 passed, 0 failed" in result.stdout, result.stdout + result.stderr


@pytest.mark.timeout(300)
def test_two_checkouts_start_servers_at_once(tmp_path):
    checkouts = [tmp_path / name for name in ["one", "two"]]
    starts = []
    for checkout in checkouts:
        (checkout / "deploy").mkdir(parents=True)
        script = shutil.copy(DEV, checkout / "deploy" / "dev")
        starts.append(subprocess.Popen(
            [script, "services", "up"], env={"PATH": os.environ["PATH"], "HOME": str(checkout)}, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        ))  # fmt: skip
    try:
        for start in starts:
            _, told = start.communicate(timeout=240)
            assert start.returncode == 0, told
        lines = [(checkout / ".services" / "env").read_text().splitlines() for checkout in checkouts]
        ports = [line for each in lines for line in each if "_port=" in line]
        assert len(ports) == len(set(ports)) == 8
    finally:
        for checkout in checkouts:
            assert dev(checkout, "services", "down").returncode == 0


@pytest.mark.timeout(200)
def test_who_cannot_start_is_not_waited_for(checkout):
    assert dev(checkout, "services", "up").returncode == 0
    variables = dict(line.split("=", 1) for line in (checkout / ".services" / "env").read_text().splitlines())
    # RabbitMQ takes its port last of all.
    for name, port, limit in [("postgresql", "postgres_port", 30), ("rabbitmq", "broker_port", 90)]:
        assert dev(checkout, "services", "stop", name).returncode == 0
        with socket.create_server(("127.0.0.1", int(variables[port]))):
            began = time.monotonic()
            result = dev(checkout, "services", "start", name)
            assert result.returncode == 1 and "did not start" in result.stderr
            assert time.monotonic() - began < limit
        assert dev(checkout, "services", "start", name).returncode == 0
