"""Decide by the content of files what their names leave open: is this a mask of that scan, and of which size?"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from pipeline import painted, scans, storage
from pipeline.errors import UnreadableScan
from pipeline.imaging.orientation import upright
from pipeline.inbox.identify import fingerprint
from pipeline.ledger import checksums
from pipeline.ledger.database import Ledger
from pipeline.painted.copies import find_paint
from pipeline.scans import Scan
from pipeline.settings import settings
from pipeline.storage import Entry

Pair = tuple[Entry, Entry]
# Version of the rules below; a verdict of another version is not used.
VERSION = "2"


class Contents:
    """Verdicts on pairs of a mask and a scan. Each pair is read once, as long as neither file changes.

    Args:
        ledger: keeps the verdicts; None to keep none.
    """

    def __init__(self, ledger: Ledger | None = None) -> None:
        self.ledger = ledger

    def masks(self, pairs: Iterable[Pair]) -> list[Pair]:
        """Return the pairs in which the first is a mask of the second and no scan itself.

        It is one when it has two levels, or is a copy of the scan; also when it cannot be read, because a mask that
        cannot be read must hold its scan.

        Raises:
            StoreUnavailable: the store did not answer.
        """
        return self._judge("mask", pairs)

    def fitting(self, pairs: Iterable[Pair]) -> list[Pair]:
        """Return the pairs of one size, turned or not; what cannot be read counts. Raises as `masks`."""
        return self._judge("size", pairs)

    def _judge(self, question: str, pairs: Iterable[Pair]) -> list[Pair]:
        wanted = {f"{question} {one.uri}\n{other.uri}": (one, other) for one, other in pairs}
        prints = {key: _both(*pair) for key, pair in wanted.items()}
        algorithm = f"{question}-{VERSION}-{painted.VERSION}"
        known: dict[str, str] = {}
        if self.ledger is not None and wanted:
            with self.ledger.read() as session:
                known = checksums.known(session, algorithm, prints)
        new = {}
        for key, (one, other) in wanted.items():
            if key not in known:
                verdict = is_mask_of(one, other) if question == "mask" else is_of_one_size(one, other)
                known[key] = "yes" if verdict else "no"
                new[key] = prints[key], known[key]
        if self.ledger is not None and new:
            with self.ledger.write() as session:
                checksums.record(session, algorithm, new)
        return [pair for key, pair in wanted.items() if known[key] == "yes"]


def is_mask_of(entry: Entry, scan: Entry) -> bool:
    """Return whether a picture is a mask of a scan, and no scan itself. See `Contents.masks`."""
    data = _bytes(entry)
    if data is None:
        return True
    try:
        rows, columns = painted.mask_size(data, entry.path)[0]
    except UnreadableScan:
        return True
    # What is too large to be decoded in this process holds its scan, like a mask that cannot be read.
    if rows * columns > settings().max_megapixels * 1e6 or painted.is_painting(data, entry.path):
        return True
    try:
        picture, other = (scans.decode_isolated(one.uri, name=one.path) for one in (entry, scan))
    except (UnreadableScan, OSError):
        return True
    return _is_copy(picture, other)


def is_of_one_size(entry: Entry, scan: Entry) -> bool:
    """Return whether a mask has a scan's size, turned or not; what cannot be read counts."""
    mask, picture = _bytes(entry), _bytes(scan)
    if mask is None or picture is None:
        return True
    try:
        size, _ = painted.mask_size(mask, entry.path)
        info = scans.inspect(picture, scan.path)
    except UnreadableScan:
        return True
    return sorted(size) == sorted((info.width, info.height))


def _is_copy(picture: Scan, scan: Scan) -> bool:
    """Return whether a picture shows the same as a scan, as stored or as viewers show the scan."""
    tones = [_in_8_bits(one) for one in (picture, scan)]
    return any(
        tones[0].shape[:2] == shown.shape[:2] and find_paint(tones[0], shown) is not None
        for shown in (tones[1], np.ascontiguousarray(upright(tones[1], scan.info.orientation)))
    )


def _in_8_bits(scan: Scan) -> NDArray[np.uint8]:
    """Return a scan's visible pixels (H,W) or (H,W,3)."""
    pixels = scans.visible_channels(scan)
    return (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels


def _bytes(entry: Entry) -> bytes | None:
    """Return a file's bytes; None when they cannot be read, or are too many to be a scan's."""
    if entry.kind != "file" or entry.size > settings().max_megabytes * 1e6:
        return None
    try:
        return storage.read_bytes(entry.uri)
    except OSError:
        return None


def _both(one: Entry, other: Entry) -> str:
    """Return a string that changes when one of two files does; empty when only reading them can show a change."""
    prints = fingerprint(one), fingerprint(other)
    return " ".join(prints) if all(prints) else ""
