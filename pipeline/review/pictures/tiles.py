"""Keep the tiles of pictures that were looked at in the cache, and make those that are missing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import zipfile
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline import storage
from pipeline.errors import RestorationError
from pipeline.imaging.tile_levels import first_level
from pipeline.review.pictures.cut_tile import cut_tile
from pipeline.review.pictures.pyramid import write_first_levels
from pipeline.review.refusals import TilesMissing, TilesWaiting

MOST_WAITING = 8
"""Requests that wait for tiles at a time: they hold threads that an API server needs for its other work."""
MOST_BYTES = 10_000_000_000
"""Size of the cache; beyond it, the tiles that were looked at longest ago are deleted."""
MOST_QUEUED = 6
"""Pictures that wait to be cut into tiles; of more, those that nobody asked for lately are left out."""

TILE_NAME = re.compile(r"([0-9]{1,2})/([0-9]{1,6})_([0-9]{1,6})\.jpg")


@dataclass(frozen=True)
class Picture:
    """A picture of which tiles are shown.

    Attributes:
        uri, sha256: of its file.
        size: width and height, upright.
        orientation: EXIF orientation of the file.
        preview_uri: of its first level as publishing wrote it; it may not be there.
    """

    uri: str
    sha256: str
    size: tuple[int, int]
    preview_uri: str = ""
    orientation: int = 1


class TileStore:
    """Tiles by the sha256 of the file that they show: what is in the cache is never out of date.

    Small pictures, and the small levels of large ones, come from the preview that publishing wrote. Large pictures are
    cut one at a time, each in a process of its own, those that were asked for last first; a tile that is wanted
    meanwhile is read from its part of the file, where that is possible.

    Args:
        folder: of the cache, which several processes may use.
        limit: bytes that it may hold.
    """

    def __init__(self, folder: Path, limit: int = MOST_BYTES) -> None:
        self._folder, self._limit = folder, limit
        # Bytes written since the cache was measured; the first file has it measured.
        self._written = limit
        self._queue: OrderedDict[str, Picture] = OrderedDict()
        self._making: dict[str, Future[None]] = {}
        self._wake = threading.Condition(threading.RLock())
        self._first = threading.Lock()
        self._measuring = threading.Lock()
        self._waiting = threading.BoundedSemaphore(MOST_WAITING)
        # One thread, because each has a decoder process of its own.
        self._cutting = ThreadPoolExecutor(1, "tile")
        self._is_warm = False
        self._whole_only: set[str] = set()
        self._thread: threading.Thread | None = None

    def prepare(self, *pictures: Picture) -> None:
        """Begin to make the tiles of large pictures, the last one first, unless they are there or being made."""
        for picture in pictures:
            with suppress(FileNotFoundError):
                os.utime(self._path(picture))
        with self._wake:
            for picture in pictures:
                making = self._future(picture) if first_level(*picture.size) else None
                if making is not None and not self._is_warm and storage.scheme(picture.uri) == "file":
                    # The process that reads parts of files starts while one looks at the first level.
                    self._is_warm = True
                    self._cutting.submit(cut_tile, picture.uri, picture.size, picture.orientation, 0, 0, 0)

    def read(self, picture: Picture, name: str) -> bytes:
        """Return a file of a picture's tiles, made first if it is missing.

        Args:
            name: as in `pyramid.write_pyramid`.

        Raises:
            TilesMissing: the picture cannot be read.
            TilesWaiting: too many requests wait already.
            KeyError: it has no such tile.
        """
        path = self._path(picture)
        if not path.exists():
            early = self._read_early(picture, name)
            if early is None:
                early = self._read_part(picture, name)
            if early is not None:
                return early
            self._wait(picture)
        with zipfile.ZipFile(path) as archive:
            return archive.read(name)

    def _read_early(self, picture: Picture, name: str) -> bytes | None:
        """Return a tile of a small level from the preview, None where there is none."""
        level = first_level(*picture.size)
        wanted = name.partition("/")[0]
        if not picture.preview_uri or (wanted.isdecimal() and int(wanted) < level):
            return None
        # The preview of a small picture has its own size: there is nothing more to make.
        path = self._path(picture, ".first" if level else "")
        try:
            with self._first:
                if not path.exists():
                    write_first_levels(storage.read_bytes(picture.preview_uri), picture.size, level, path)
                    self._make_room(path)
            with zipfile.ZipFile(path) as archive:
                return archive.read(name)
        except FileNotFoundError:
            # There is no preview, or all tiles were made just now.
            return None

    def _read_part(self, picture: Picture, name: str) -> bytes | None:
        """Return a tile of a large level from its part of the file; None where the whole must be read for it."""
        place = TILE_NAME.fullmatch(name)
        if place is None or picture.sha256 in self._whole_only or storage.scheme(picture.uri) != "file":
            return None
        if not self._waiting.acquire(blocking=False):
            raise TilesWaiting("preparing")
        try:
            numbers = [int(text) for text in place.groups()]
            return self._cutting.submit(cut_tile, picture.uri, picture.size, picture.orientation, *numbers).result()
        except (RestorationError, OSError):
            # Making all tiles says what is wrong, if anything is.
            self._whole_only.add(picture.sha256)
            return None
        finally:
            self._waiting.release()

    def _wait(self, picture: Picture) -> None:
        making = self._future(picture)
        if making is None:
            return
        if not self._waiting.acquire(blocking=False):
            raise TilesWaiting("preparing")
        try:
            making.result()
        finally:
            self._waiting.release()

    def _future(self, picture: Picture) -> Future[None] | None:
        """Return the making of a picture's tiles, put at the head of the line; None when they are there."""
        with self._wake:
            found = self._making.get(picture.sha256)
            if found is None:
                if self._path(picture).exists():
                    return None
                found = self._making[picture.sha256] = Future()
                self._queue[picture.sha256] = picture
                while len(self._queue) > MOST_QUEUED:
                    forgotten, _ = self._queue.popitem(last=False)
                    self._making.pop(forgotten).set_exception(TilesWaiting("preparing"))
                if self._thread is None:
                    self._thread = threading.Thread(target=self._work, name="tiles", daemon=True)
                    self._thread.start()
                self._wake.notify()
            elif picture.sha256 in self._queue:
                self._queue.move_to_end(picture.sha256)
            return found

    def _work(self) -> None:
        while True:
            with self._wake:
                while not self._queue:
                    self._wake.wait()
                sha256, picture = self._queue.popitem(last=True)
                making = self._making[sha256]
            try:
                _make(picture.uri, self._path(picture))
                self._path(picture, ".first").unlink(missing_ok=True)
                self._make_room(self._path(picture))
                making.set_result(None)
            except Exception as error:
                making.set_exception(error)
            with self._wake:
                self._making.pop(sha256, None)

    def _make_room(self, new: Path) -> None:
        """Delete what was looked at longest ago, where the cache has become too large; a new file stays."""
        with self._measuring, suppress(FileNotFoundError):
            self._written += new.stat().st_size
            # Walking the whole cache for every file would take longer than making it.
            if self._written < self._limit // 20:
                return
            self._written, found = 0, []
            for path in self._folder.glob("*/*.zip"):
                with suppress(FileNotFoundError):
                    known = path.stat()
                    found.append((known.st_mtime, known.st_size, path))
            total = sum(size for _, size, _ in found)
            for _, size, path in sorted(found):
                if total > self._limit and path != new:
                    path.unlink(missing_ok=True)
                    total -= size

    def _path(self, picture: Picture, suffix: str = "") -> Path:
        return self._folder / picture.sha256[:2] / f"{picture.sha256}{suffix}.zip"


def _make(uri: str, target: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "pipeline.review.pictures.pyramid", uri, str(target)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise TilesMissing("unreadable", detail=(done.stderr.strip().splitlines() or ["–"])[-1])
