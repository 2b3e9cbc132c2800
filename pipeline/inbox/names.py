"""Read from a file's name which scan it belongs to, and as what."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath

from pipeline.imaging.suffixes import COMPANION_SUFFIXES

ENDINGS = "|".join(sorted(suffix.removeprefix(".") for suffix in COMPANION_SUFFIXES))
ROLES = {"mask": "mask", "maske": "mask", "protect": "protect", "ir": "ir"}
# `photo.mask.png` is a mask whatever else is there; `photo_mask.png` is one only beside its scan.
SURE = re.compile(rf"(?P<scan>.+)\.(?P<role>{'|'.join(ROLES)})\.({ENDINGS})", re.IGNORECASE | re.DOTALL)
POSSIBLE = re.compile(rf"(?P<scan>.*[^ _-])[ _-]+(mask|maske)\d{{0,4}}\.({ENDINGS})", re.IGNORECASE | re.DOTALL)
IN_FOLDER = re.compile(rf"(?P<scan>.+)\.({ENDINGS})", re.IGNORECASE | re.DOTALL)
MASK_FOLDERS = frozenset({"mask", "masks", "maske", "masken"})


@dataclass(frozen=True)
class CompanionName:
    """What a name says.

    Attributes:
        role: `mask`, `protect` (a region that must never be changed), `ir` (a scanner's infrared plane) or `xmp`.
        scans: paths with or without extension that the scan may have, the likeliest first.
        sure: whether the name alone says so; otherwise scan and content decide.
    """

    role: str
    scans: tuple[str, ...]
    sure: bool


def companion_name(path: str) -> CompanionName | None:
    """Return what the name of a file in an inbox says of the scan that it belongs to; None for a scan's name."""
    folder, slash, name = path.rpartition("/")
    if match := SURE.fullmatch(name):
        return CompanionName(ROLES[match["role"].lower()], (normalized(folder + slash + match["scan"]),), True)
    if name.lower().endswith(".xmp") and len(name) > len(".xmp"):
        return CompanionName("xmp", (normalized(path[: -len(".xmp")]),), True)
    if match := POSSIBLE.fullmatch(name):
        return CompanionName("mask", (normalized(folder + slash + match["scan"]),), False)
    above, _, last = folder.rpartition("/")
    if last.casefold() in MASK_FOLDERS and IN_FOLDER.fullmatch(name):
        return CompanionName("mask", (normalized(stem(f"{above}/{name}" if above else name)),), False)
    return None


def name_in_masks_folder(path: str) -> CompanionName | None:
    """Return what a name in a masks folder says: there every picture is a mask unless its name says otherwise."""
    folder, slash, name = path.rpartition("/")
    if match := SURE.fullmatch(name):
        return CompanionName(ROLES[match["role"].lower()], (normalized(folder + slash + match["scan"]),), True)
    if not IN_FOLDER.fullmatch(name):
        return None
    scans = [normalized(stem(path))]
    if match := POSSIBLE.fullmatch(name):
        scans.append(normalized(folder + slash + match["scan"]))
    return CompanionName("mask", tuple(scans), True)


def is_companion(path: str) -> bool:
    """Return whether a name alone says that the file belongs to a scan (`photo.mask.png`) and is not a scan itself."""
    found = companion_name(path)
    return found is not None and found.sure


def normalized(path: str) -> str:
    """Return a path as names are compared: composed, since a Mac writes `ü` as two characters."""
    return unicodedata.normalize("NFC", path)


def stem(path: str) -> str:
    """Return a path without its extension."""
    suffix = PurePosixPath(path).suffix
    return path.removesuffix(suffix) if suffix else path
