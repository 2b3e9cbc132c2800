"""Make names of uploaded files safe, and tell which files an inbox would not take."""

from __future__ import annotations

import hashlib
import unicodedata
from enum import StrEnum
from pathlib import PurePosixPath

from pipeline.imaging.suffixes import COMPANION_SUFFIXES
from pipeline.inbox.bagit import DECLARATION
from pipeline.inbox.ignored import why_ignored
from pipeline.inbox.names import MASK_FOLDERS, SURE
from pipeline.settings import Collection

MOST_BYTES = 200
"""Of a name: file systems take 255, and results of a scan have longer names than the scan."""
# Embeddings, overrides and isolates, which let a name be read as another one.
DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")


class NotTaken(StrEnum):
    """Why a file is not taken."""

    NAMELESS = "nameless"
    """Nothing is left of its name."""
    NO_IMAGE = "no_image"
    """By its name it is neither an image nor belongs to one."""
    LEFT_OUT = "left_out"
    """The inbox would leave it out: a system's file, or one that the collection's `ignore` names."""
    EMPTY = "empty"
    """It has no bytes."""
    TOO_LARGE = "too_large"
    """It has more bytes than the installation's limit."""
    RESERVED = "reserved"
    """The name has a meaning in this inbox: the marker, a bag's declaration, a folder of masks."""


def safe_name(name: str) -> str:
    """Return a name as one part of a path, composed (NFC); empty where nothing of it is left.

    Slashes, and characters that cannot be seen or that turn the direction of reading, are written as their bytes
    (`%0A`), a leading dot as `_.`, and the end of a name that is too long is replaced by a part of its sha256, the same
    for a scan and its mask.
    """
    composed = unicodedata.normalize("NFC", name)
    visible = "".join(_escaped(letter) if _is_unsafe(letter) else letter for letter in composed).strip()
    return _shortened(f"_{visible}" if visible.startswith(".") else visible)


def why_not_taken(collection: Collection, folder: str, name: str, size: int, limit: int) -> NotTaken | None:
    """Return why a file is not taken, None for one that is.

    Args:
        folder, name: as `safe_name` returns them.
        size, limit: bytes of the file, and of the largest that is taken.
    """
    marker = collection.watch.marker if collection.watch else None
    if why := why_no_delivery(collection, folder):
        return why
    if not name:
        return NotTaken.NAMELESS
    if name in (marker, DECLARATION):
        return NotTaken.RESERVED
    suffix = PurePosixPath(name).suffix.lower()
    if suffix not in COMPANION_SUFFIXES and suffix != ".xmp":
        return NotTaken.NO_IMAGE
    # Sidecars are left out as scans, but some belong to one.
    if suffix != ".xmp" and why_ignored(f"{folder}/{name}", collection.ignore):
        return NotTaken.LEFT_OUT
    if not size:
        return NotTaken.EMPTY
    return NotTaken.TOO_LARGE if size > limit else None


def why_no_delivery(collection: Collection, folder: str) -> NotTaken | None:
    """Return why a folder of the inbox cannot be a delivery, None for one that can.

    Args:
        folder: as `safe_name` returns it.
    """
    if not folder:
        return NotTaken.NAMELESS
    reserved = folder.casefold() in MASK_FOLDERS or _is_configured(collection, folder)
    return NotTaken.RESERVED if reserved else None


def _is_configured(collection: Collection, folder: str) -> bool:
    """Return whether a folder of the inbox holds the collection's masks or originals."""
    start = collection.inbox.rstrip("/") + "/"
    places = (collection.masks, collection.originals)
    return any(place is not None and place.removeprefix(start).split("/")[0] == folder for place in places)


def _is_unsafe(letter: str) -> bool:
    return (
        letter in "/\\" or unicodedata.category(letter) in ("Cc", "Cs", "Co", "Cn", "Zl", "Zp") or letter in DIRECTIONS
    )


def _escaped(letter: str) -> str:
    return "".join(f"%{byte:02X}" for byte in letter.encode("utf-8", "surrogatepass"))


def _shortened(name: str) -> str:
    if len(name.encode()) <= MOST_BYTES:
        return name
    match = SURE.fullmatch(name)
    stem = match["scan"] if match else name.removesuffix(PurePosixPath(name).suffix)
    tail = name[len(stem) :]
    mark = f"~{hashlib.sha256(stem.encode()).hexdigest()[:8]}"
    # A tail that leaves no room is no extension.
    room = MOST_BYTES - len(tail.encode()) - len(mark)
    if room < 1:
        return _cut(name, MOST_BYTES - len(mark)) + mark
    return _cut(stem, min(room, MOST_BYTES - 40)) + mark + tail


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore")
