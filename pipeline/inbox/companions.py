"""Pair scans with the files delivered beside them: masks, protected regions, infrared planes, known originals."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from pipeline import storage
from pipeline.imaging.suffixes import COMPANION_SUFFIXES
from pipeline.storage import Entry

# In place of the digests of companion files of which one may not be read, or lies in an archive tier.
UNREADABLE = "unreadable"
ENDINGS = "|".join(sorted(suffix.removeprefix(".") for suffix in COMPANION_SUFFIXES))
COMPANION_NAME = re.compile(rf"(?P<scan>.+)\.(?P<role>mask|protect|ir)\.({ENDINGS})", re.IGNORECASE | re.DOTALL)


def is_companion(path: str) -> bool:
    """Return whether a name says that the file belongs to a scan (`photo.mask.png`) and is not a scan itself.

    `.mask.` is a painted mask, `.protect.` a region that must never be changed, `.ir.` a scanner's infrared plane.
    """
    return COMPANION_NAME.fullmatch(path.rpartition("/")[2]) is not None


@dataclass(frozen=True)
class CompanionFiles:
    """The files that belong to one scan.

    Attributes:
        mask: painted; the recipe's `mask_mode` says what it means.
        protect: a painted region that must never be changed.
        infrared: the scanner's infrared plane.
    """

    mask: Entry | None = None
    protect: Entry | None = None
    infrared: Entry | None = None

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All files that are there."""
        return tuple(entry for entry in (self.mask, self.protect, self.infrared) if entry is not None)

    @property
    def fingerprint(self) -> str:
        """A string that changes when one of the files does; empty without any."""
        return self._join(lambda entry: f"{entry.size}:{entry.etag}")

    def sha256(self) -> str:
        """Return the digests of all files, or `UNREADABLE` when one of them may not be read; empty without any.

        Raises:
            FileNotFoundError, StoreUnavailable: as storage does.
        """
        try:
            return self._join(lambda entry: storage.sha256(entry.uri))
        except PermissionError:
            return UNREADABLE

    def _join(self, describe: Callable[[Entry], str]) -> str:
        """Return each file's description with its role; a single mask has no role, as in earlier ledgers."""
        parts = [f"{role}={describe(entry)}" for role, entry in self._roles() if entry is not None]
        return parts[0].removeprefix("mask=") if len(parts) == 1 else "+".join(parts)

    def _roles(self) -> tuple[tuple[str, Entry | None], ...]:
        return ("mask", self.mask), ("protect", self.protect), ("ir", self.infrared)


class CompanionIndex:
    """The companion files of a run by scan. Memory grows with these files, not with the scans.

    Args:
        beside: entries of the inbox that belong to a scan by their name.
        folder: entries of the masks folder.
    """

    def __init__(self, beside: Iterator[Entry], folder: Iterator[Entry]) -> None:
        self._folder = _by_role(folder)
        self._beside = _by_role(beside)
        self._used: set[tuple[str, str]] = set()

    def of(self, path: str) -> CompanionFiles:
        """Return the files that belong to a scan: for each role the one beside it, else the one in the masks folder.

        `a.jpg.mask.png` belongs only to `a.jpg`, `a.mask.png` to every scan with that stem.
        """
        return CompanionFiles(self._find(path, "mask"), self._find(path, "protect"), self._find(path, "ir"))

    def _find(self, path: str, role: str) -> Entry | None:
        for name in (path, stem(path)):
            if (role, name) in self._beside:
                self._used.add((role, name))
                return self._beside[role, name]
        return next((self._folder[role, name] for name in (path, stem(path)) if (role, name) in self._folder), None)

    @property
    def folder_is_empty(self) -> bool:
        """Whether the masks folder holds no file at all, as one that is not mounted does."""
        return not self._folder

    def orphaned(self) -> list[Entry]:
        """Return the companion files in the inbox that match no scan; a misspelled name must not go unnoticed."""
        left = [entry for key, entry in self._beside.items() if key not in self._used]
        return sorted(left, key=lambda entry: entry.path)


def _by_role(entries: Iterator[Entry]) -> dict[tuple[str, str], Entry]:
    """Return files by role and by path without role and extension; of several the PNG, else the first."""
    found: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        if entry.kind != "file":
            continue
        folder, slash, name = entry.path.rpartition("/")
        match = COMPANION_NAME.fullmatch(name)
        key = (match["role"].lower(), folder + slash + match["scan"]) if match else ("mask", stem(entry.path))
        if key not in found or (entry.path.lower().endswith(".png") and not found[key].path.lower().endswith(".png")):
            found[key] = entry
    return found


def by_stem(entries: Iterator[Entry]) -> dict[str, Entry]:
    """Return masks, or originals, by path without extension (and without `.mask`); files with other roles are left out.

    Of several files with one stem the PNG is returned, else the first.
    """
    return {name: entry for (role, name), entry in _by_role(entries).items() if role == "mask"}


def list_optional(root: str | None) -> Iterator[Entry]:
    """Yield the files of a folder that need not be configured; nothing for None.

    Raises:
        FileNotFoundError: it is configured but does not exist.
    """
    if root:
        yield from storage.list_files(root)


def stem(path: str) -> str:
    """Return a path without its extension."""
    suffix = PurePosixPath(path).suffix
    return path.removesuffix(suffix) if suffix else path
