"""The last moment of a process."""

import shutil
import subprocess

import pytest

from gateway import Gateway, command

DESTRUCTOR = """
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

__attribute__((destructor)) static void ran(void) { close(open(getenv("MARK"), O_CREAT | O_WRONLY, 0600)); }
"""


@pytest.fixture
def destructor(tmp_path):
    """The environment in which a process leaves a mark when it runs what exit(3) runs: handlers and destructors."""
    compiler = shutil.which("clang") or shutil.which("cc") or shutil.which("g++")
    assert compiler, "Swift brings clang"
    source, library, mark = tmp_path / "ran.c", tmp_path / "ran.so", tmp_path / "ran"
    source.write_text(DESTRUCTOR)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
    environment = {"LD_PRELOAD": str(library), "MARK": str(mark)}
    subprocess.run(["/bin/true"], env=environment, check=True)
    assert mark.exists(), "a process that ends with exit(3)"
    mark.unlink()
    return environment, mark


def test_no_destructor_runs_while_threads_do(destructor, tmp_path):
    """A thread that nobody waits for (a look-up, a migration) must not lose OpenSSL or the C++ runtime under its feet."""
    environment, mark = destructor
    gateway = Gateway({"REACTORS": "1", **environment}, tmp_path).start()
    gateway.post("ada", 3)
    gateway.stop()
    assert not mark.exists()
    assert "ended" in gateway.log, "the log is written to its last line"

    assert command("wait", "--timeout", "0.1", env={"BROKER_URL": "amqp://127.0.0.1:1", **environment}).returncode == 69
    assert not mark.exists()
