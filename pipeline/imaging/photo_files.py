"""List photographs below a folder, and decide which of them are held out from training."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pipeline.imaging.suffixes import PHOTO_SUFFIXES

HELD_OUT_PERCENT = 5


def is_held_out(name: str) -> bool:
    """Return whether a photograph is kept for validation: by a hash of its file name, so that this never changes."""
    digest = hashlib.sha256(Path(name).name.encode()).digest()
    return int.from_bytes(digest[:4], "big") % 100 < HELD_OUT_PERCENT


def list_photos(folder: Path) -> list[str]:
    """Return the names of all pictures below a folder, sorted, with forward slashes."""
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.suffix.lower() in PHOTO_SUFFIXES and path.is_file()
    )
