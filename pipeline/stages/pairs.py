"""Pairing scans with manual masks and with known originals, by path and stem."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from pipeline import storage
from pipeline.storage import Entry

BESIDE = re.compile(r"(?P<scan>.+)\.mask\.(png|tiff?|jpe?g|bmp|gif|webp)", re.IGNORECASE | re.DOTALL)


def is_mask(path: str) -> bool:
    """Returns whether a name in the inbox says that the file is a mask (`photo.mask.png`) and no scan."""
    return BESIDE.fullmatch(path.rpartition("/")[2]) is not None


class Masks:
    """The manual masks of a run. Memory grows with the masks, not with the scans.

    Args:
        beside: entries of the inbox that are masks by their name.
        folder: entries of the masks folder.
    """

    def __init__(self, beside: Iterator[Entry], folder: Iterator[Entry]) -> None:
        self._folder = by_stem(folder)
        self._beside = {_scan_of(entry.path): entry for entry in beside}
        self._used: set[str] = set()

    def of(self, path: str) -> Entry | None:
        """Returns the mask of a scan: the one beside it, else the one in the masks folder, else None.

        `a.jpg.mask.png` belongs to `a.jpg` alone, `a.mask.png` to every scan with that stem.
        """
        for name in (path, stem(path)):
            if name in self._beside:
                self._used.add(name)
                return self._beside[name]
        return next((self._folder[name] for name in (path, stem(path)) if name in self._folder), None)

    def lonely(self) -> list[Entry]:
        """Returns the masks in the inbox for which no scan came; a slip in a name must not go unnoticed."""
        return [entry for name, entry in sorted(self._beside.items()) if name not in self._used]


def by_stem(entries: Iterator[Entry]) -> dict[str, Entry]:
    """Returns files by path without extension (and without `.mask`); of several the PNG, else the first."""
    found: dict[str, Entry] = {}
    for entry in entries:
        if entry.kind != "file":
            continue
        name = _scan_of(entry.path) if is_mask(entry.path) else stem(entry.path)
        if name not in found or (entry.path.lower().endswith(".png") and not found[name].path.lower().endswith(".png")):
            found[name] = entry
    return found


def listed(root: str | None) -> Iterator[Entry]:
    """Yields the files of an optional folder.

    Raises:
        FileNotFoundError: it is named but not there.
    """
    if root:
        yield from storage.list_files(root)


def stem(path: str) -> str:
    """Returns a path without its extension."""
    suffix = PurePosixPath(path).suffix
    return path.removesuffix(suffix) if suffix else path


def _scan_of(path: str) -> str:
    folder, slash, name = path.rpartition("/")
    found = BESIDE.fullmatch(name)
    return folder + slash + (found["scan"] if found else name)
