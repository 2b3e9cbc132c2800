"""Write the manifests of a bag as its files are added, in memory that does not grow with their number."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from pipeline.inbox.bagit import PAYLOAD, encode_path


class Manifests:
    """The payload manifests, `fetch.txt` and the sums of a bag, kept in files until they are complete.

    Args:
        folder: a local folder for them.
        algorithms: of the manifests.
    """

    def __init__(self, folder: Path, algorithms: Sequence[str]) -> None:
        self.files = self.bytes = 0
        self._streams: dict[str, BinaryIO] = {}
        self._folder = folder
        # On disk, and never committed: a million names would take memory.
        self._paths = sqlite3.connect(folder / "paths.db", isolation_level=None)
        self._paths.execute("CREATE TABLE paths (path TEXT PRIMARY KEY) WITHOUT ROWID")
        self._paths.execute("BEGIN")
        for algorithm in algorithms:
            self._open(f"manifest-{algorithm}.txt")
        self.algorithms = tuple(algorithms)

    def add(self, path: str, size: int, digests: Mapping[str, str], fetch: str = "") -> None:
        """Add one file of the payload.

        Args:
            path: below data/.
            digests: by algorithm.
            fetch: URL from which whoever receives the bag gets it; empty for a file that is in the bag.
        """
        self._paths.execute("INSERT INTO paths VALUES (?)", (PAYLOAD + path,))
        name = encode_path(PAYLOAD + path)
        for algorithm in self.algorithms:
            self._streams[f"manifest-{algorithm}.txt"].write(f"{digests[algorithm]}  {name}\n".encode())
        if fetch:
            if "fetch.txt" not in self._streams:
                self._open("fetch.txt")
            self._streams["fetch.txt"].write(f"{fetch} {size} {name}\n".encode())
        self.files += 1
        self.bytes += size

    def __contains__(self, path: str) -> bool:
        """Return whether a file, named relative to the bag, was added."""
        return self._paths.execute("SELECT 1 FROM paths WHERE path = ?", (path,)).fetchone() is not None

    def complete(self) -> list[Path]:
        """Return the finished files."""
        for stream in self._streams.values():
            stream.close()
        self._paths.close()
        return [self._folder / name for name in self._streams]

    def _open(self, name: str) -> None:
        self._streams[name] = (self._folder / name).open("wb")
