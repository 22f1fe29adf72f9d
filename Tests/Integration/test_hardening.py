"""What the built program brings along against a hole in it: the linker's and the compiler's protections."""

import re
import subprocess

import pytest

from gateway import Gateway, binary


def readelf(*options):
    return subprocess.run(
        ["readelf", "--wide", *options, binary()], check=True, capture_output=True, text=True, env={"LC_ALL": "C"}
    ).stdout


@pytest.fixture(scope="module")
def segments():
    """The flags of each program header, by its name."""
    found = {}
    for line in readelf("--program-headers").splitlines():
        if match := re.match(r"\s+([A-Z_]+)\s+0x\S+ 0x\S+ 0x\S+ 0x\S+ 0x\S+ ([RWE ]{3}) ", line):
            found.setdefault(match[1], []).append(match[2].replace(" ", ""))
    assert len(found["LOAD"]) > 1
    return found


def test_it_is_position_independent():
    assert re.search(r"Type:\s+DYN\b", readelf("--file-header"))
    assert re.search(r"\(FLAGS_1\).*\bPIE\b", readelf("--dynamic"))


def test_relocations_are_read_only_from_the_start(segments):
    """Full RELRO: with lazy binding the addresses of library functions would stay writable."""
    assert "GNU_RELRO" in segments
    assert re.search(r"\(BIND_NOW\)|\(FLAGS(_1)?\).*\bNOW\b", readelf("--dynamic"))


def test_nothing_is_both_written_and_run(segments):
    assert segments["GNU_STACK"] == ["RW"]
    assert not [flags for flags in segments["LOAD"] if "W" in flags and "E" in flags]


def test_the_stack_notices_being_written_over():
    assert re.search(r"UND\s+__stack_chk_fail\b", readelf("--dyn-syms"))


def test_nor_does_the_process_map_anything_so(tmp_path):
    gateway = Gateway({"REACTORS": "1"}, tmp_path).start()
    try:
        gateway.post("ada", 3)
        with open(f"/proc/{gateway.process.pid}/maps") as maps:
            assert [line for line in maps if " rwx" in line] == []
    finally:
        gateway.stop()
