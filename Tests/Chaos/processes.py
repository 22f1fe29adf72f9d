"""Processes by their ids: whole families, as an outage takes them."""

import asyncio
import contextlib
import os
import pathlib
import signal
import time


def _stat(pid):
    """(state, parent) of a process; nothing when it is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, parent = text.rpartition(")")[2].split()[:2]
    return state, int(parent)


def alive(pid):
    stat = _stat(pid)
    return stat is not None and stat[0] not in "ZX"


def family(pid):
    """A process and its descendants, the oldest first."""
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (stat := _stat(name)):
            children.setdefault(stat[1], []).append(int(name))
    found = [pid] if alive(pid) else []
    for member in found:
        found += children.get(member, [])
    return found


def inside(folder):
    """All that work in a folder or below it: what was started there, whoever started it."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                if pathlib.Path(os.readlink(f"/proc/{name}/cwd")).is_relative_to(folder) and alive(name):
                    found.append(int(name))
    return found


def send(pids, number):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


async def kill(pids):
    """kill -9, and the end of all of them."""
    send(pids, signal.SIGKILL)
    await gone(pids)


async def gone(pids, seconds=20):
    deadline = time.monotonic() + seconds
    while any(map(alive, pids)):
        if time.monotonic() > deadline:
            raise TimeoutError(f"still there: {[pid for pid in pids if alive(pid)]}")
        await asyncio.sleep(0.02)
