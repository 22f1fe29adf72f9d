"""The entrypoint of the image: waits for what the role needs, becomes the program, or runs a command instead."""

import os
import pathlib
import re
import signal
import subprocess

import pytest

from gateway import binary, free_port
from services import CHECKOUT
from waiting import eventually

ENTRYPOINT = CHECKOUT / "deploy" / "entrypoint.sh"


def environment(world, **env):
    merged = {
        "PATH": f"{pathlib.Path(binary()).parent}:/usr/bin:/bin",
        "HOST": "127.0.0.1",
        "PORT": str(free_port()),
        "DRAIN_DELAY": "0",
        **{name: str(value) for name, value in world.env.items()},
        **env,
    }
    return {name: value for name, value in merged.items() if value is not None}


def run(world, *arguments, **env):
    return subprocess.run(
        [ENTRYPOINT, *arguments], env=environment(world, **env), cwd=world.directory, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=60,
    )


class Served:
    def __init__(self, world, *arguments, **env):
        self.file = world.directory / f"{free_port()}.log"
        with open(self.file, "wb") as log:
            self.process = subprocess.Popen(
                [ENTRYPOINT, *arguments], env=environment(world, **env), cwd=world.directory,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            )

    @property
    def log(self):
        return self.file.read_text(errors="replace")

    def __enter__(self):
        eventually(lambda: " listening " in self.log or self.process.poll() is not None, what="it serves")
        assert self.process.poll() is None, self.log
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=40) == 0, self.log


def test_it_becomes_the_program(world):
    with Served(world) as served:
        assert os.readlink(f"/proc/{served.process.pid}/exe").endswith("/score-gateway")
        assert "entrypoint" not in served.log


def test_it_serves_without_what_does_not_come(world):
    nobody = f"amqp://127.0.0.1:{free_port()}/"
    with Served(world, BROKER_URL=nobody, STARTUP_WAIT="1") as served:
        assert "gave up after 1s" in served.log
        assert "entrypoint: serving without; the gateway goes on trying" in served.log


def test_a_check_may_be_skipped(world):
    """STARTUP_WAIT is longer than the test waits."""
    nobody = f"127.0.0.1:{free_port()}"
    urls = {"BROKER_URL": f"amqp://{nobody}/", "DATABASE_URL": f"postgresql://score@{nobody}/score"}
    skips = {"SKIP_DATABASE_CHECK": "1", "SKIP_BROKER_CHECK": "1"}
    with Served(world, STARTUP_WAIT="300", **urls, **skips) as served:
        assert "gave up" not in served.log
    result = run(world, "wait", "--timeout", "1", **urls, SKIP_DATABASE_CHECK="1")
    assert result.returncode == 69 and "broker" in result.stderr and "database" not in result.stderr
    result = run(world, "wait", "--timeout", "1", **urls, SKIP_BROKER_CHECK="1")
    assert result.returncode == 69 and "database" in result.stderr and "broker" not in result.stderr


def test_the_parts_of_the_replaced_services_are_enough(world):
    from urllib.parse import urlsplit

    database, broker = urlsplit(world.database_url), urlsplit(world.broker_url)
    parts = {
        "DATABASE_URL": None,
        "DATABASE_HOST": database.hostname,
        "DATABASE_PORT": str(database.port),
        "DATABASE_DB": database.path[1:],
        "DATABASE_USERNAME": database.username,
        "DATABASE_PASSWORD": database.password,
        "BROKER_URL": None,
        "BROKER_HOST": broker.hostname,
        "BROKER_PORT": str(broker.port),
        "BROKER_USERNAME": broker.username,
        "BROKER_PASSWORD": broker.password,
    }
    with Served(world, STARTUP_WAIT="300", **parts) as served:
        eventually(lambda: "bus: broker connected" in served.log and "scores: database connected" in served.log)


def test_a_wrong_configuration_ends_it(world):
    assert run(world, ROLE="sores").returncode == 64
    result = run(world, MAX_BODY="much")
    assert result.returncode == 78 and "MAX_BODY" in result.stderr


def test_commands_instead(world):
    assert "ROLE=all" in run(world, "config").stdout
    assert run(world, "--version").stdout.startswith("score-gateway ")
    result = run(world, "migrate")
    assert result.returncode == 0 and "up to date" in result.stderr
    assert run(world, "sh", "-c", "echo $PPID; exit 3").returncode == 3
    # Kólga's jobs leave the entrypoint out and call the shell.
    result = subprocess.run(
        ["/bin/sh", "-c", "score-gateway migrate"], env=environment(world), cwd=world.directory, capture_output=True
    )
    assert result.returncode == 0


def test_a_development_server_needs_its_image(world):
    with Served(world, DEV_SERVER="1") as served:
        assert "DEV_SERVER=1 needs the development image; serving as usual" in served.log


def test_a_development_server_ends_in_good_order(tmp_path):
    """The program has ended by itself; the watcher takes its time, and is waited for."""
    tools = tmp_path / "tools"
    tools.mkdir()
    stand_ins = {
        "swift": f'case "$*" in *--show-bin-path) echo {tools} ;; esac',
        "score-gateway": "exit 3",
        "inotifywait": f"cd {tmp_path}; trap 'kill $!; sleep 0.5; touch ended; exit 0' TERM; sleep 60 & touch watches; wait",
    }
    for name, text in stand_ins.items():
        (tools / name).write_text(f"#!/bin/sh\n{text}\n")
        (tools / name).chmod(0o755)
    script = tmp_path / "entrypoint"
    script.write_text(ENTRYPOINT.read_text().replace("cd /src", f"cd {tmp_path}"))
    process = subprocess.Popen(
        ["/bin/sh", script], env={"PATH": f"{tools}:/usr/bin:/bin", "DEV_SERVER": "1"}, stdin=subprocess.DEVNULL
    )
    children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
    eventually(lambda: (tmp_path / "watches").exists(), what="the watcher watches")
    eventually(lambda: len(children.read_text().split()) == 1, what="the program has ended")
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
    assert (tmp_path / "ended").exists()


def programs(process):
    """The program that a process is, and those that it has started."""
    children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [os.path.basename(os.readlink(f"/proc/{pid}/exe")) for pid in [process.pid, *children]]


def catches(process):
    """Whether a process has asked for SIGTERM."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return bool(int(re.search(r"SigCgt:\t([0-9a-f]+)", status)[1], 16) >> (signal.SIGTERM - 1) & 1)


@pytest.mark.parametrize("arguments", [[], ["wait", "--timeout", "60"], ["migrate"]], ids=lambda words: " ".join(words))
def test_who_waits_hears_the_signal(world, arguments):
    """The shell is PID 1 then, and so is a command by itself: the kernel would let neither hear it."""
    nobody = f"127.0.0.1:{free_port()}"
    urls = {"BROKER_URL": f"amqp://{nobody}/", "DATABASE_URL": f"postgresql://score@{nobody}/score"}
    served = Served(world, *arguments, **urls, STARTUP_WAIT="60")
    eventually(lambda: "score-gateway" in programs(served.process) and catches(served.process), what="it waits")

    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(timeout=20) == 128 + signal.SIGTERM, served.log
    assert "listening" not in served.log
