"""The files delivered with one scan: masks, protected regions, infrared planes, metadata."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from pipeline import storage
from pipeline.inbox.names import name_in_masks_folder
from pipeline.storage import Entry

# In place of the digests of companion files of which one may not be read, or lies in an archive tier.
UNREADABLE = "unreadable"


@dataclass(frozen=True)
class CompanionFiles:
    """The files that belong to one scan.

    Attributes:
        mask: painted; the recipe's `mask_mode` says what it means.
        protect: a painted region that must never be changed.
        infrared: the scanner's infrared plane.
        xmp: metadata that goes along with the derivative (`a.xmp`, `a.tif.xmp`, or both); it changes no pixel.
        note: how they were chosen, where names left that open; else empty.
    """

    mask: Entry | None = None
    protect: Entry | None = None
    infrared: Entry | None = None
    xmp: tuple[Entry, ...] = ()
    note: str = ""

    def with_file(self, role: str, entry: Entry, note: str) -> CompanionFiles:
        """Return these files with one more, as `mask`, `protect` or `infrared`, and with a note."""
        changes: dict[str, Any] = {role: entry}
        return replace(self, **changes, note=note)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All files that decide on pixels."""
        return tuple(entry for entry in (self.mask, self.protect, self.infrared) if entry is not None)

    @property
    def fingerprint(self) -> str:
        """A string that changes when one of these does; empty without any."""
        return self._join(lambda entry: f"{entry.size}:{entry.etag}")

    def sha256(self) -> str:
        """Return the digests of these files, or `UNREADABLE` when one of them may not be read; empty without any.

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


def by_stem(entries: Iterator[Entry]) -> dict[str, Entry]:
    """Return the originals of a folder by normalised path without extension; files with other roles are left out.

    Of several files with one stem the PNG is returned, else the first.
    """
    found: dict[str, Entry] = {}
    for entry in entries:
        name = name_in_masks_folder(entry.path) if entry.kind == "file" else None
        if name is not None and name.role == "mask":
            key = name.scans[0]
            if key not in found or (_is_png(entry) and not _is_png(found[key])):
                found[key] = entry
    return found


def list_optional(root: str | None) -> Iterator[Entry]:
    """Yield the files of a folder that need not be configured; nothing for None.

    Raises:
        FileNotFoundError: it is configured but does not exist.
    """
    if root:
        yield from storage.list_files(root)


def _is_png(entry: Entry) -> bool:
    return entry.path.lower().endswith(".png")
