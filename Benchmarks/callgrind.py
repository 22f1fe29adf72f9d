"""What valgrind's callgrind counted: instructions in user space, and calls of the allocator."""

import os
import pathlib
import re
import subprocess
import time

ALLOCATORS = {"malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc", "memalign"}


class Counts:
    def __init__(self, instructions, allocations):
        self.instructions, self.allocations = instructions, allocations

    def __sub__(self, other):
        return Counts(self.instructions - other.instructions, self.allocations - other.allocations)

    def __truediv__(self, number):
        return Counts(self.instructions / number, self.allocations / number)


def command(folder):
    """What a program runs below, to be counted."""
    return ["valgrind", "--tool=callgrind", "--quiet", f"--callgrind-out-file={folder}/callgrind.out.%p"]


def of_command(arguments, folder):
    """Counts of a program from its start to its end."""
    path = folder / "callgrind.command"
    subprocess.run(["valgrind", "--tool=callgrind", "--quiet", f"--callgrind-out-file={path}", *map(str, arguments)],
                   check=True, stdout=subprocess.DEVNULL)  # fmt: skip
    try:
        return read(path)
    finally:
        path.unlink()


class Counter:
    """Counts of a process that runs below `command`, while something is done."""

    def __init__(self, pid, folder):
        self.pid, self.folder, self.dumps = pid, folder, 0
        # valgrind names the pipe it is spoken to through after its USER and HOST.
        of_process = dict(entry.split("=", 1) for entry in pathlib.Path(f"/proc/{pid}/environ").read_text().split("\0") if entry)
        self.env = {name: value for name, value in os.environ.items() if name not in ("USER", "HOST")}
        self.env |= {name: of_process[name] for name in ("USER", "HOST") if name in of_process}

    def of(self, work):
        self._dump()
        work()
        return read(self._dump())

    def _dump(self):
        """Writes what was counted since the last time, and counts from zero."""
        self.dumps += 1
        path = self.folder / f"callgrind.out.{self.pid}.{self.dumps}"
        subprocess.run(["callgrind_control", "--dump", str(self.pid)], check=True, env=self.env,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        deadline = time.monotonic() + 30
        while not (path.exists() and "totals:" in path.read_text(errors="replace")):
            if time.monotonic() > deadline:
                raise SystemExit(f"callgrind did not write {path}")
            time.sleep(0.05)
        return path


def read(path):
    """The format: https://valgrind.org/docs/manual/cl-format.html"""
    names = {}
    callee = None
    instructions = allocations = 0
    with open(path, errors="replace") as lines:
        for line in lines:
            if found := re.match(r"(c?fn)=\((\d+)\)(?: (.*))?", line):
                kind, number, name = found.groups()
                if name:
                    names[number] = name.split("'")[0]
                if kind == "cfn":
                    callee = names.get(number)
            elif found := re.match(r"calls=(\d+)", line):
                if callee in ALLOCATORS:
                    allocations += int(found[1])
            elif found := re.match(r"(totals|summary): (\d+)", line):
                instructions = int(found[2])
    if not instructions:
        raise SystemExit(f"{path} has no total")
    return Counts(instructions, allocations)
