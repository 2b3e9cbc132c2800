"""Find faces on a scan with the cascades that ship with OpenCV, so that none is repaired without review."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ConfigurationError
from pipeline.imaging.luminance import luminance
from pipeline.imaging.types import Box, Mask, Pixels

#: Long side in pixels of the copy that is searched: cost does not grow with the scan.
SIDE = 512
#: Side of the smallest face on that copy: 1/26 of the scan's long side.
SMALLEST = 20
#: Multiples of the smallest side between which faces are searched at a time, each band no further from the marks than
#: its faces reach.
BANDS = (1, 1.5, 2, 3, 4.5)
#: By how much, as a share of their side, two detections of one face differ at most.
ALIKE = 0.2
#: A first, coarse search takes two steps of size at a time; all sizes are searched only around what it detects, as far
#: beyond it as this share of its side, and of sizes up to so many times as small or large.
BESIDE, BETWEEN = 0.5, 1.35
#: Share of a face that marks cover from which on it is looked for on the unchanged copy, too: where they cover less,
#: inpainting hides no face.
COVERED = 0.2


_Edges = tuple[int, int, int, int]
"""Left, top, right and bottom of a part of a picture."""


class _Search(NamedTuple):
    """A cascade, the step between two sizes searched, the detections that a face needs, and its smallest side.

    With `coarse`, a coarse search is made first, which loses some of the least sure faces.
    """

    cascade: str
    step: float
    neighbours: int
    smallest: int
    coarse: bool


FRONT = _Search("haarcascade_frontalface_alt2.xml", 1.1, 3, SMALLEST, coarse=False)
#: The profile cascade is slower and needs more detections.
PROFILE = _Search("haarcascade_profileface.xml", 1.2, 4, 2 * SMALLEST, coarse=True)


@dataclass(frozen=True)
class Place:
    """A mark: which faces it matters to.

    Attributes:
        box: x, y, width, height in pixels.
        widest: of wider faces the mark can be no more than a speck.
    """

    box: Box
    widest: float

    def scaled(self, scale: float) -> Place:
        """Return the place on a copy of the scan."""
        x, y, width, height = self.box
        left, top = int(x * scale), int(y * scale)
        right, bottom = math.ceil((x + width) * scale), math.ceil((y + height) * scale)
        # One pixel more: sizes on the copy are rounded.
        return Place((left, top, right - left, bottom - top), self.widest * scale + 1)

    def mirrored(self, width: int) -> Place:
        """Return the place on a mirror image of a width."""
        x, y, across, down = self.box
        return Place((width - x - across, y, across, down), self.widest)


@dataclass(frozen=True)
class Face:
    """One face.

    Attributes:
        box: x, y, width, height in the scan's pixels: brows to chin, ear to ear.
        profile: whether it is seen from the side.
    """

    box: Box
    profile: bool = False

    @property
    def features(self) -> tuple[Box, ...]:
        """Return boxes of eyes and mouth; of a profile, whose direction is unknown, the whole inner face."""
        x, y, width, height = self.box
        if self.profile:
            return (_part(x, y, width, height, 0.1, 0.2, 0.9, 0.95),)
        eyes = _part(x, y, width, height, 0.12, 0.22, 0.88, 0.52)
        mouth = _part(x, y, width, height, 0.27, 0.66, 0.73, 0.92)
        return eyes, mouth


def find_faces(pixels: Pixels, marked: Mask | None = None, places: Sequence[Place] | None = None) -> list[Face]:
    """Return the faces on a scan (H,W) or (H,W,C), uint8 or uint16, that are upright.

    A reduced copy is searched with the masked places inpainted, because a crack across a face can hide it; and, not for
    profiles, unchanged where these cover so much that inpainting may hide a face. Not found are faces smaller than 1/26
    of the long side, profiles smaller than 1/13, those turned by some 20 degrees or more, covered or seen from behind,
    and some profiles.

    Args:
        pixels: the scan.
        marked: (H,W), not 0 where damage was found.
        places: which faces matter; all by default. Others may be found, too.

    Raises:
        ConfigurationError: OpenCV was installed without its cascades.
    """
    scale = min(1.0, SIDE / max(pixels.shape[:2]))
    smallest = SMALLEST / scale
    if places is not None and not any(place.widest >= smallest for place in places):
        return []
    grey = luminance(pixels)
    copy = np.asarray(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    if min(copy.shape) < SMALLEST:
        return []
    near = None if places is None else [place.scaled(scale) for place in places]
    found: list[Face] = []
    if marked is not None and marked.any():
        hidden = (cv2.resize(marked, copy.shape[::-1], interpolation=cv2.INTER_AREA) > 40).astype(np.uint8)
        found += [Face(box) for box in _search(_equalised(copy), FRONT, near, hidden)]
        copy = np.asarray(cv2.inpaint(copy, hidden, 2, cv2.INPAINT_TELEA), np.uint8)
    picture = _equalised(copy)
    found += [Face(box) for box in _search(picture, FRONT, near)]
    found += [Face(box, profile=True) for box in _search(picture, PROFILE, near)]
    mirrored = np.ascontiguousarray(picture[:, ::-1])
    across = None if near is None else [place.mirrored(picture.shape[1]) for place in near]
    for x, y, width, height in _search(mirrored, PROFILE, across):
        found.append(Face((picture.shape[1] - x - width, y, width, height), profile=True))
    return [Face(_scale_up(face.box, scale, grey.shape), face.profile) for face in _without_duplicates(found)]


def _equalised(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.equalizeHist(picture), np.uint8)


def _search(
    picture: NDArray[np.uint8], search: _Search, places: Sequence[Place] | None, hidden: Mask | None = None
) -> list[Box]:
    """Return the faces of one kind that contain a part of one of the places, or all.

    Args:
        hidden: (H,W), 1 where marks are, if only faces are looked for that these cover in part.
    """
    sides = tuple(round(factor * search.smallest) for factor in BANDS)
    found: list[Box] = []
    coarse: list[Box] = []
    bands = list(pairwise((*sides, max(picture.shape) + 1)))
    for band in bands:
        regions = _regions(picture.shape, places, *band)
        if hidden is not None:
            regions = _covered(hidden, regions, *band)
        if search.coarse or hidden is not None:
            coarse += _detect(picture, search, regions, *band, search.step**2)
        else:
            # Without neighbours counted: those of one face may lie in two bands.
            found += _detect(picture, search, regions, *band)
    for band in bands if coarse else ():
        found += _detect(picture, search, _around(picture.shape, coarse, *band), *band)
    grouped, _ = cv2.groupRectangles(found, search.neighbours, ALIKE)
    return [(int(x), int(y), int(width), int(height)) for x, y, width, height in grouped]


def _detect(
    picture: NDArray[np.uint8], search: _Search, regions: Iterable[_Edges], least: int, most: int, step: float = 0.0
) -> Iterator[Box]:
    """Yield what a cascade detects of sides from `least` to below `most` in regions, neighbours and all."""
    cascade = _load_cascade(search.cascade)
    for left, top, right, bottom in regions:
        part = picture[top:bottom, left:right]
        found = cascade.detectMultiScale(
            part, step or search.step, 0, minSize=(least, least), maxSize=(most - 1, most - 1)
        )
        for x, y, width, height in found:
            yield left + int(x), top + int(y), int(width), int(height)


def _regions(shape: tuple[int, ...], places: Sequence[Place] | None, least: int, most: int) -> list[_Edges]:
    """Return the parts of a picture, disjoint, in which to search faces of some sizes.

    Args:
        places: that a face must touch; None for the whole picture.
        least, most: sides of the faces.
    """
    if places is None:
        return [(0, 0, shape[1], shape[0])]
    return _grown(shape, (place.box for place in places if place.widest >= least), _reach(most))


def _reach(most: int) -> int:
    """Return how far from a place within a face the detections reach that make it sure: a quarter beyond the face."""
    return most * 5 // 4


def _covered(hidden: Mask, regions: Iterable[_Edges], least: int, most: int) -> list[_Edges]:
    """Return the parts of regions, disjoint, in which much of a face of some sizes may be hidden (H,W)."""
    inside = np.zeros_like(hidden)
    for left, top, right, bottom in regions:
        inside[top:bottom, left:right] = 255 * hidden[top:bottom, left:right]
    much = (cv2.blur(inside, (least, least)) >= 255 * COVERED).astype(np.uint8)
    boxes = cv2.connectedComponentsWithStats(much, connectivity=8)[2][1:, :4].tolist()
    return _grown(hidden.shape, ((x, y, width, height) for x, y, width, height in boxes), _reach(most) - least // 2)


def _around(shape: tuple[int, ...], boxes: Iterable[Box], least: int, most: int) -> list[_Edges]:
    """Return the parts of a picture, disjoint, in which detections of some sizes may be those of what was detected."""
    alike = (box for box in boxes if least / BETWEEN <= box[2] < most * BETWEEN)
    return _grown(shape, alike, math.ceil(BESIDE * most))


def _grown(shape: tuple[int, ...], boxes: Iterable[Box], reach: int) -> list[_Edges]:
    """Return boxes with so many pixels around each inside a picture, those that overlap joined to one."""
    regions: list[_Edges] = []
    for x, y, across, down in boxes:
        one = (max(0, x - reach), max(0, y - reach), min(shape[1], x + across + reach), min(shape[0], y + down + reach))
        while touching := [other for other in regions if _overlap(_as_box(one), _as_box(other)) > 0]:
            regions = [other for other in regions if other not in touching]
            left, top, right, bottom = zip(one, *touching, strict=True)
            one = (min(left), min(top), max(right), max(bottom))
        regions.append(one)
    return regions


def _as_box(edges: _Edges) -> Box:
    left, top, right, bottom = edges
    return left, top, right - left, bottom - top


def _load_cascade(name: str) -> cv2.CascadeClassifier:
    """Return this thread's cascade: searching changes one."""
    return _cascade_of(name, threading.get_ident())


@cache
def _cascade_of(name: str, _thread: int) -> cv2.CascadeClassifier:
    found = cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / name))
    if found.empty():
        raise ConfigurationError(
            f"OpenCV's {name} is missing; reinstall opencv-python-headless, or set face_guard: false"
        )
    return found


def _without_duplicates(faces: list[Face]) -> list[Face]:
    """Return faces without duplicates; the frontal one is kept, because its eyes and mouth are known."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: face.profile):
        if not any(_overlap(face.box, other.box) > 0.6 for other in kept):
            kept.append(face)
    return kept


def _overlap(one: Box, other: Box) -> float:
    """Return the overlap of two boxes as a share of the smaller one."""
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return max(0, across) * max(0, down) / min(one[2] * one[3], other[2] * other[3])


def _part(x: int, y: int, width: int, height: int, left: float, top: float, right: float, bottom: float) -> Box:
    return (
        round(x + left * width), round(y + top * height), round((right - left) * width), round((bottom - top) * height),
    )  # fmt: skip


def _scale_up(box: Box, scale: float, shape: tuple[int, ...]) -> Box:
    """Return the box on the scan itself, cropped at its borders."""
    left, top = max(0, int(box[0] / scale)), max(0, int(box[1] / scale))
    right = min(shape[1], int(np.ceil((box[0] + box[2]) / scale)))
    bottom = min(shape[0], int(np.ceil((box[1] + box[3]) / scale)))
    return left, top, right - left, bottom - top
