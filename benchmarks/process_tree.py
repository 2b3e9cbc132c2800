"""Memory and processor time of a process and everything it started, read from /proc (Linux)."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
BLOCK = 512
MEMORY_FILE = "/memfd:"


@dataclass(frozen=True)
class Usage:
    """What some processes use together.

    Attributes:
        anonymous: MiB that only these processes hold and that cannot be dropped: heaps, stacks, files in memory.
        mapped: MiB of files on disk that they have mapped and touched. The system drops them when it needs room.
        processors: seconds of processor time of each process, by its id.
    """

    anonymous: float
    mapped: float
    processors: dict[int, float]

    @property
    def total(self) -> float:
        """MiB of both kinds, proportional set size: a page that two processes share counts once."""
        return self.anonymous + self.mapped


@dataclass(frozen=True)
class Glance:
    """What is quickly read of some processes.

    Attributes:
        most: MiB that they use together at most: pages that two of them share count twice.
        processors: seconds of processor time of each process, by its id.
    """

    most: float
    processors: dict[int, float]


def peak_memory() -> float:
    """Return the peak of this process's memory in MiB, since it started its program (unlike that of `getrusage`)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def descendants(root: int) -> list[int]:
    """Return the ids of a process and of all processes below it that are running."""
    found, waiting = [], [root]
    while waiting:
        process = waiting.pop()
        try:
            tasks = list(Path(f"/proc/{process}/task").iterdir())
            waiting += [int(child) for task in tasks for child in (task / "children").read_text().split()]
            found.append(process)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def glance(root: int) -> Glance:
    """Return what can be read in no time: `usage` looks at each page, and of a large scan that takes long."""
    most, shared = 0.0, 0.0
    files: dict[int, int] = {}
    processors: dict[int, float] = {}
    for process in descendants(root):
        folder = Path("/proc", str(process))
        try:
            sizes = dict(re.findall(r"^(Rss\w+):\s+(\d+) kB", (folder / "status").read_text(), re.MULTILINE))
            processors[process] = _processor_seconds(folder)
            files |= _files_in_memory(folder)
        except (FileNotFoundError, ProcessLookupError):
            continue
        most += (int(sizes.get("RssAnon", 0)) + int(sizes.get("RssFile", 0))) / 1024
        shared += int(sizes.get("RssShmem", 0)) / 1024
    return Glance(most + max(shared, sum(files.values()) / 2**20), processors)


def usage(root: int) -> Usage:
    """Return what a process and all processes below it use now.

    A file in memory that is written, but not mapped yet, is in no process's own figures; it is found through the open
    descriptors and counted once.
    """
    heap = shared = mapped = 0.0
    files: dict[int, int] = {}
    processors: dict[int, float] = {}
    for process in descendants(root):
        folder = Path("/proc", str(process))
        try:
            sizes = dict(re.findall(r"^(Pss_\w+): +(\d+) kB", (folder / "smaps_rollup").read_text(), re.MULTILINE))
            processors[process] = _processor_seconds(folder)
            files |= _files_in_memory(folder)
        except (FileNotFoundError, ProcessLookupError):
            continue
        heap += int(sizes.get("Pss_Anon", 0)) / 1024
        shared += int(sizes.get("Pss_Shmem", 0)) / 1024
        mapped += int(sizes.get("Pss_File", 0)) / 1024
    return Usage(heap + max(shared, sum(files.values()) / 2**20), mapped, processors)


def _processor_seconds(folder: Path) -> float:
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def _files_in_memory(folder: Path) -> dict[int, int]:
    """Return the bytes that each file in memory occupies to which a process has a descriptor, by inode."""
    found = {}
    for descriptor in (folder / "fd").iterdir():
        try:
            if str(descriptor.readlink()).startswith(MEMORY_FILE):
                status = descriptor.stat()
                found[status.st_ino] = status.st_blocks * BLOCK
        except FileNotFoundError:
            continue
    return found
