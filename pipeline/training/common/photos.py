"""Photographs for training, decoded once and kept in memory as 8-bit RGB."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import cv2
import numpy as np

from pipeline.imaging.photo_files import is_held_out, list_photos
from pipeline.imaging.types import Picture

log = logging.getLogger(__name__)

SMALLEST_SIDE = 64


@dataclass(frozen=True)
class PhotoSet:
    """Pictures (H,W,3) uint8 RGB, and their paths below the folder that they were read from, in the same order."""

    names: tuple[str, ...]
    pictures: tuple[Picture, ...]

    def __len__(self) -> int:
        return len(self.pictures)

    def digest(self) -> str:
        """Return a hash of the names, by which a resumed run recognises its photographs."""
        return hashlib.sha256("\n".join(self.names).encode()).hexdigest()


def _decode(path: Path) -> Picture | None:
    data = np.frombuffer(path.read_bytes(), np.uint8)
    try:
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error:
        picture = None
    if picture is None or min(picture.shape[:2]) < SMALLEST_SIDE:
        return None
    return np.ascontiguousarray(picture[:, :, ::-1]).astype(np.uint8, copy=False)


def load_photos(folder: Path, *, longest_side: int = 1024) -> PhotoSet:
    """Return every readable picture below the folder; unreadable and tiny ones are logged and left out.

    Pictures whose longest side is over ``longest_side`` pixels are scaled down to it to save memory. Raises
    ``ValueError`` when there is no readable picture.
    """
    names = list_photos(folder)
    with ThreadPoolExecutor(4) as pool:
        decoded = list(pool.map(lambda name: _decode(folder / name), names))
    kept: list[tuple[str, Picture]] = []
    for name, picture in zip(names, decoded, strict=True):
        if picture is None:
            log.warning("left out %s: not a picture, or a side is under %d pixels", name, SMALLEST_SIDE)
            continue
        kept.append((name, shrink(picture, longest_side)))
    if not kept:
        raise ValueError(f"no readable photograph below {folder}")
    return PhotoSet(tuple(name for name, _ in kept), tuple(picture for _, picture in kept))


def shrink(picture: Picture, longest_side: int) -> Picture:
    """Return the picture (H,W,3), scaled down so that no side is longer than ``longest_side``."""
    factor = longest_side / max(picture.shape[:2])
    if factor >= 1:
        return picture
    size = (max(1, round(picture.shape[1] * factor)), max(1, round(picture.shape[0] * factor)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def exclude(photos: PhotoSet, patterns: Sequence[str]) -> PhotoSet:
    """Return the photographs whose names (below their folder) match none of the shell patterns.

    Raises ``ValueError`` when a pattern matches nothing, probably a typing error, or when no photograph is left.
    """
    for pattern in patterns:
        if not any(fnmatch(name, pattern) for name in photos.names):
            raise ValueError(f"no photograph's name matches {pattern!r}")
    kept = [i for i, name in enumerate(photos.names) if not any(fnmatch(name, pattern) for pattern in patterns)]
    if not kept:
        raise ValueError("every photograph is excluded")
    return PhotoSet(tuple(photos.names[i] for i in kept), tuple(photos.pictures[i] for i in kept))


def excluded(photos: PhotoSet, kept: PhotoSet) -> PhotoSet:
    """Return the photographs that are not in ``kept``, without those held out for validation; may be empty."""
    names = set(kept.names)
    rest = [i for i, name in enumerate(photos.names) if name not in names and not is_held_out(name)]
    return PhotoSet(tuple(photos.names[i] for i in rest), tuple(photos.pictures[i] for i in rest))


def split(photos: PhotoSet) -> tuple[PhotoSet, PhotoSet]:
    """Return the photographs to train on, and those held out for validation (about a twentieth), each at least one."""
    held = [index for index, name in enumerate(photos.names) if is_held_out(name)]
    if not held or len(held) == len(photos):
        held = [len(photos) - 1]
    outside = set(held)
    rest = [index for index in range(len(photos)) if index not in outside]

    def subset(indices: list[int]) -> PhotoSet:
        return PhotoSet(
            tuple(photos.names[index] for index in indices), tuple(photos.pictures[index] for index in indices)
        )

    return subset(rest or held), subset(held)
