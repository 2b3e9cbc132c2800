"""Find what is marked in a mask: by its transparency, its two colours, or its difference from the scan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import Reason, UnreadableScan
from pipeline.imaging.mapped import release
from pipeline.painted.copies import LOSSY, ROWS, STRONG, find_paint, is_near, max_difference
from pipeline.painted.files import MaskFile
from pipeline.painted.scan_view import ScanView
from pipeline.painted.turning import Reading
from pipeline.painted.two_levels import Colour, Levels, Verdict, colour_name, find_levels, is_chromatic

# Share of the marked pixels, and of the scan's, that a copy of a scan of two tones has in common with it.
SAME_MARKS, SAME_TONES = 0.5, 0.95
# A transparent background is the larger part of a picture.
HALF = 0.5

Bits = NDArray[np.bool_]


@dataclass(frozen=True)
class Marks:
    """What a mask marks, before it is known which way it lies.

    Attributes:
        marked: (H,W) bool, the paint's colour.
        paint, ground: the two colours in words; what is not marked is the ground.
        certain: whether the paint is known by its nature (colour on grey) and not by its share.
        settled: the only reading that its content allows, or None.
    """

    marked: Bits
    paint: str
    ground: str
    certain: bool = False
    settled: Reading | None = None


def find_marks(file: MaskFile, fits: tuple[Reading, ...], scan: ScanView, name: str) -> Marks:
    """Return what is marked in a mask, by its transparency, its two colours, or its difference from the scan."""
    if file.alpha is not None:
        layer = _layer_marks(file.colour, file.alpha, fits, scan, name)
        if layer is not None:
            return layer
    levels = find_levels(file.colour)
    if levels.verdict is Verdict.ONE:
        return _uniform_marks(file.colour, levels.ground, name)
    if levels.verdict is Verdict.FAINT:
        raise _unclear(name, f"is too faint: its tones differ by {levels.difference} of 255")
    if levels.marked is None or any(_is_scan(levels, levels.marked, one, file.colour, scan) for one in fits):
        return _copy_marks(file.colour, fits, scan, name)
    return _as_paint(levels.marked, levels.ground, levels.paint)


def _as_paint(marked: Bits, ground: Colour, paint: Colour) -> Marks:
    """Return marks in two colours by convention: a colour rather than grey, and the lighter rather than the darker.

    Args:
        marked: where the rarer colour `paint` is.
    """
    names = colour_name(ground), colour_name(paint)
    certain = is_chromatic(ground) != is_chromatic(paint)
    swapped = is_chromatic(ground) if certain else sum(ground) > sum(paint)
    if names[0] == names[1]:
        names = ("the darker colour", "the lighter colour")
        names = names if sum(ground) < sum(paint) else names[::-1]
    if swapped:
        return Marks(~marked, names[0], names[1], certain)
    return Marks(marked, names[1], names[0], certain)


def _uniform_marks(colour: NDArray[np.uint8], ground: Colour, name: str) -> Marks:
    """Return the marks of a picture of one colour: none where it is black, all where it is white."""
    word = colour_name(ground)
    if word not in ("black", "white"):
        raise _unclear(name, f"is {word} all over")
    return Marks(np.full(colour.shape[:2], word == "white"), "white", "black")


def _layer_marks(
    colour: NDArray[np.uint8], alpha: NDArray[np.uint8], fits: tuple[Reading, ...], scan: ScanView, name: str
) -> Marks | None:
    """Return what is painted on a transparent background; None where it is opaque nearly everywhere.

    A picture out of which the damage was erased has transparent places, too: it is known by its tones, the scan's.
    """
    levels = find_levels(alpha)
    if levels.verdict is Verdict.ONE:
        return None if alpha.min() > 0 else Marks(np.zeros(alpha.shape, bool), "paint", "transparent")
    if levels.marked is None:
        raise _unclear(name, "has paint that fades out: its edge is not clear")
    opaque = levels.marked if max(levels.paint) > max(levels.ground) else ~levels.marked
    if opaque.mean() <= HALF:
        return Marks(opaque, "paint", "transparent", True)
    inside = find_levels(np.where(opaque if colour.ndim == 2 else opaque[..., None], colour, colour[opaque][0]))
    if inside.verdict in (Verdict.ONE, Verdict.FAINT):
        return Marks(opaque, "paint", "the transparent part", True)
    for reading in fits:
        difference = max_difference(np.ascontiguousarray(reading.turn(colour)), scan.tones())[reading.turn(opaque)]
        if np.mean(difference <= LOSSY) > SAME_TONES:
            return Marks(~opaque, "what was erased", "the picture", True, reading)
    raise _unclear(name, "has several colours on a transparent background")


def _is_scan(levels: Levels, marked: Bits, reading: Reading, colour: NDArray[np.uint8], scan: ScanView) -> bool:
    """Return whether a picture of two levels is the scan itself, as a page of print may be."""
    tones, here = scan.tones(), reading.turn(marked)
    both = either = 0
    for rows in _bands(here):
        part = tones[rows]
        there = is_near(part, levels.paint if part.ndim == 3 else [sum(levels.paint) // 3], STRONG)
        both += int(np.count_nonzero(here[rows] & there))
        either += int(np.count_nonzero(here[rows] | there))
        # Those of a large scan lie in a mapped file.
        release(tones)
    if both < SAME_MARKS * either:
        return False
    turned = reading.turn(colour)
    same = 0
    for rows in _bands(here):
        same += int(np.count_nonzero(max_difference(turned[rows], tones[rows]) <= STRONG))
        release(tones)
    return bool(same / here.size >= SAME_TONES)


def _bands(plane: Bits) -> Iterator[slice]:
    """Yield the rows of a plane (H,W), some at a time."""
    for top in range(0, len(plane), ROWS):
        yield slice(top, top + ROWS)


def _copy_marks(colour: NDArray[np.uint8], fits: tuple[Reading, ...], scan: ScanView, name: str) -> Marks:
    """Return what was painted on a copy of the scan; the copy also shows which way it lies."""
    problem = "has many grey levels or colours, as a photograph does"
    for reading in fits:
        found = find_paint(np.ascontiguousarray(reading.turn(colour)), scan.tones())
        if found is None:
            continue
        if found.marked is not None:
            settled = Reading(lambda array: array, reading.note)
            return Marks(found.marked, "what was painted on a copy of the picture", "the rest", True, settled)
        problem = found.problem
    raise _unclear(name, problem)


def _unclear(name: str, problem: str) -> UnreadableScan:
    message = f"mask {name} {problem}: there is no clear paint; paint damage white on black"
    return UnreadableScan(Reason.MASK_UNREADABLE, message)
