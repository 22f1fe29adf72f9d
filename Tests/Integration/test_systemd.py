"""systemd's protocols: readiness and the watchdog (sd_notify(3)), and sockets that outlive a restart (sd_listen_fds(3))."""

import contextlib
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import uuid

import pytest

from gateway import binary
from services import CHECKOUT
from waiting import eventually


class Manager:
    """What systemd does: holds the listening sockets, and hears the notifications."""

    def __init__(self, world, sockets=1):
        self.world = world
        self.listeners = [socket.socket() for _ in range(sockets)]
        for listener in self.listeners:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            listener.bind(self.listeners[0].getsockname() if listener is not self.listeners[0] else ("127.0.0.1", 0))
            listener.listen(128)
        self.port = self.listeners[0].getsockname()[1]
        self.name = f"score-gateway-{uuid.uuid4().hex}"
        self.notifications = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notifications.bind("\0" + self.name)
        self.notifications.settimeout(20)
        self.process = None

    def start(self, **env):
        numbers = [listener.fileno() for listener in self.listeners]

        def hand_over():
            # As systemd does: the descriptors are 3 and following. They are moved away first, for they may lie there.
            kept = [os.dup2(number, 100 + index) for index, number in enumerate(numbers)]
            for index, number in enumerate(kept):
                os.dup2(number, 3 + index, inheritable=True)

        variables = {
            "PATH": os.environ["PATH"],
            "DRAIN_DELAY": "0",
            "REACTORS": "2",
            "NOTIFY_SOCKET": "@" + self.name,
            "LISTEN_FDS": str(len(numbers)),
            **{name: str(value) for name, value in self.world.env.items()},
            **env,
        }
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", f"LISTEN_PID=$$ exec {binary()} serve"],
            env=variables,
            cwd=self.world.directory,
            close_fds=False,
            preexec_fn=hand_over,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def hear(self):
        return self.notifications.recv(1000).decode()

    def hear_until(self, text):
        while True:
            heard = self.hear()
            if text in heard:
                return heard

    def get(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", "/healthz")
            return connection.getresponse().status

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=30) == 0

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for made in [*self.listeners, self.notifications]:
            made.close()


@pytest.fixture
def manager(world):
    made = []

    def make(**options):
        made.append(Manager(world, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_it_says_when_it_is_ready_and_when_it_goes(manager):
    systemd = manager()
    systemd.start()
    assert systemd.hear() == f"READY=1\nSTATUS=role all, http://127.0.0.1:{systemd.port}"
    assert systemd.get() == 200
    systemd.stop()
    assert systemd.hear() == "STOPPING=1\nSTATUS=shutting down"


def test_it_gives_signs_of_life(manager):
    systemd = manager()
    systemd.start(WATCHDOG_USEC="400000")
    for _ in range(5):
        systemd.hear_until("WATCHDOG=1")


@pytest.mark.parametrize("sockets", [1, 2, 3])
def test_every_socket_is_served(manager, sockets):
    systemd = manager(sockets=sockets)
    systemd.start()
    systemd.hear_until("READY=1")
    # The kernel spreads connections over the sockets of a port: none may wait for ever.
    assert [systemd.get() for _ in range(40)] == [200] * 40


def test_a_restart_refuses_nobody(manager):
    systemd = manager()
    systemd.start()
    systemd.hear_until("READY=1")
    done, answers, errors = threading.Event(), [], []

    def ask():
        while not done.is_set():
            try:
                answers.append(systemd.get())
            except (OSError, http.client.HTTPException) as error:
                errors.append(repr(error))

    clients = [threading.Thread(target=ask) for _ in range(4)]
    for client in clients:
        client.start()
    for _ in range(3):
        before = len(answers)
        eventually(lambda: len(answers) > before + 20)
        systemd.stop()
        systemd.start()
        systemd.hear_until("READY=1")
    done.set()
    for client in clients:
        client.join()
    assert errors == [] and set(answers) == {200}


def test_who_comes_while_it_is_down_is_served_afterwards(manager):
    systemd = manager()
    answers = []
    client = threading.Thread(target=lambda: answers.append(systemd.get()))
    client.start()
    systemd.start()
    client.join(timeout=30)
    assert answers == [200]


@pytest.fixture
def machine(tmp_path):
    """Does what the head of the unit says, on a machine that is a folder: what it builds and asks for is only noted."""
    unit = (CHECKOUT / "deploy" / "systemd" / "score-gateway.service").read_text()
    lines = re.findall(r"^#   (.+)$", unit[: unit.index("[Unit]")], re.MULTILINE)
    script = "\n".join(lines).replace("/usr/local/bin", f"{tmp_path}/bin").replace("/etc/", f"{tmp_path}/etc/")
    tools, built = tmp_path / "tools", tmp_path / "built"
    for folder in [tools, built, tmp_path / "bin", tmp_path / "etc" / "systemd" / "system"]:
        folder.mkdir(parents=True)
    shutil.copy("/bin/true", built / "score-gateway")
    for name in ["swift", "apt-get", "systemctl"]:
        answer = f"case $* in *show-bin-path) echo {built} ;; esac"
        (tools / name).write_text(f"#!/bin/sh\necho {name} $* >>{tmp_path}/said\n{answer}\n")
        (tools / name).chmod(0o755)

    def install():
        environment = {"PATH": f"{tools}:{os.environ['PATH']}"}
        subprocess.run(["bash", "-euc", script], cwd=CHECKOUT, env=environment, check=True, timeout=60)
        return tmp_path

    return install


def test_what_is_installed_needs_no_toolchain(machine):
    folder = machine()
    assert os.access(folder / "bin" / "score-gateway", os.X_OK)
    assert sorted(path.name for path in (folder / "etc" / "systemd" / "system").iterdir()) == [
        "score-gateway.service", "score-gateway.socket",
    ]
    said = (folder / "said").read_text()
    assert "swift build -c release --static-swift-stdlib --product score-gateway\n" in said
    # The same libraries as the image.
    dockerfile = (CHECKOUT / "deploy" / "Dockerfile").read_text()
    assert re.search(r"apt-get install (.+)", said)[1] in dockerfile
    assert said.splitlines()[-1].startswith("systemctl enable --now")


def test_a_new_version_keeps_the_configuration(machine):
    variables = machine() / "etc" / "score-gateway" / "env"
    assert variables.stat().st_mode & 0o777 == 0o600 and variables.parent.stat().st_mode & 0o777 == 0o700
    variables.write_text("API_TOKENS=kept\n")
    machine()
    assert variables.read_text() == "API_TOKENS=kept\n"
