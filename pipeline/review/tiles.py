"""Keep the tiles of pictures that were looked at in the cache, and make those that are missing."""

from __future__ import annotations

import subprocess
import sys
import threading
import zipfile
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from pipeline.review.refusals import TilesMissing, TilesWaiting

PROCESSES = 1
"""Pictures that are cut into tiles at a time; each takes the memory of a decoded scan."""


MOST_WAITING = 8
"""Requests that wait for tiles at a time: they hold threads that an API server needs for its other work."""


class TileStore:
    """Tiles by the sha256 of the file that they show: what is in the cache is never out of date.

    Args:
        folder: of the cache.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pool = ThreadPoolExecutor(PROCESSES, thread_name_prefix="tiles")
        self._making: dict[str, Future[None]] = {}
        self._lock = threading.Lock()
        self._waiting = threading.BoundedSemaphore(MOST_WAITING)

    def prepare(self, uri: str, sha256: str) -> None:
        """Begin to make the tiles of a picture, unless they are there or being made."""
        with self._lock:
            if sha256 not in self._making and not self._path(sha256).exists():
                self._making[sha256] = self._pool.submit(_make, uri, self._path(sha256))

    def read(self, uri: str, sha256: str, name: str) -> bytes:
        """Return a file of a picture's tiles, made first if they are missing.

        Args:
            name: as in `pyramid.write_pyramid`.

        Raises:
            TilesMissing: the picture cannot be read.
            KeyError: it has no such tile.
        """
        path = self._path(sha256)
        if not path.exists():
            self.prepare(uri, sha256)
            self._wait(sha256)
        with zipfile.ZipFile(path) as archive:
            return archive.read(name)

    def _wait(self, sha256: str) -> None:
        making = self._making.get(sha256)
        if making is None:
            return
        if not self._waiting.acquire(blocking=False):
            raise TilesWaiting("preparing")
        try:
            making.result()
        finally:
            self._waiting.release()
            with self._lock:
                self._making.pop(sha256, None)

    def _path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / f"{sha256}.zip"

    def close(self) -> None:
        """Make no further tiles."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _make(uri: str, target: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "pipeline.review.pyramid", uri, str(target)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise TilesMissing("unreadable", detail=(done.stderr.strip().splitlines() or ["–"])[-1])
