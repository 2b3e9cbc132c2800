"""Decide whether a picture has two levels, as a mask has: any two colours, with soft edges between them or without."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

# Differences are those of the channel that differs most, 0..255.
#: Colours closer than this to another one are its noise.
SAME = 12
#: Two colours must differ by this much, unless the picture has exactly two.
CLEAR = 24
#: Bits by which colours are grouped.
SHIFT = 3
#: Position between the two colours, 0..1, outside which a pixel belongs to one of them.
SOFT = (0.15, 0.85)
#: A colour off the line between the two, as a share of what is not the ground.
MOST_OTHER = 0.05
#: Pixels between the two, as a share of all, that soft edges may have at most; and from which on they must be edges.
MOST_SOFT, FEW_SOFT = 0.10, 0.02
#: Share of what is not the ground that has the paint's full colour where there are many soft pixels.
LEAST_FULL = 0.25
#: A third colour's share of what is not the ground, and its pixels, from which on there are three levels.
THIRD, THIRD_PIXELS = 0.15, 64
#: Share of what is not the ground that is at most as far from it as the paint's full colour.
FULL = 0.99
ROWS = 256

Colour = tuple[int, int, int]


class Verdict(StrEnum):
    """What a picture is, as a mask."""

    TWO = "two levels"
    ONE = "one colour"
    FAINT = "too faint"
    MANY = "many levels"


@dataclass(frozen=True)
class Levels:
    """The levels of a picture.

    Attributes:
        ground: the colour that most of it has.
        paint: the other colour; the ground's where there is none.
        marked: (H,W) bool, where it is nearer to the paint; None unless the verdict is TWO.
    """

    verdict: Verdict
    ground: Colour
    paint: Colour
    marked: NDArray[np.bool_] | None = None

    @property
    def difference(self) -> int:
        """How much the two colours differ, 0..255."""
        return max(abs(one - other) for one, other in zip(self.ground, self.paint, strict=True))


def find_levels(pixels: NDArray[np.uint8]) -> Levels:
    """Return the levels of a picture (H,W) or (H,W,3), judged by how often each colour occurs."""
    counts, sums = _histogram(pixels)
    found = np.flatnonzero(counts)
    count, colours = counts[found], sums[found] / counts[found, None]
    ground = colours[count.argmax()]
    away = np.abs(colours - ground).max(axis=1)
    clear = away >= CLEAR
    if not clear.any():
        return _faint_levels(pixels, _as_colour(ground))
    paint = colours[np.where(clear, count * away, 0).argmax()]
    if not _is_two(count, colours, ground, paint):
        return Levels(Verdict.MANY, _as_colour(ground), _as_colour(paint))
    paint = _full_paint(count, colours, ground, paint)
    return Levels(Verdict.TWO, _as_colour(ground), _as_colour(paint), _nearer(pixels, ground, paint))


def _is_two(
    count: NDArray[np.int64], colours: NDArray[np.float64], ground: NDArray[np.float64], paint: NDArray[np.float64]
) -> bool:
    """Return whether nearly all pixels have one of two colours or lie between them.

    Args:
        count, colours: pixels (N,) of each colour (N,3).
    """
    line = paint - ground
    position = (colours - ground) @ line / (line @ line)
    off = np.abs(colours - ground - position[:, None] * line).max(axis=1)
    away, from_paint = np.abs(colours - ground).max(axis=1), np.abs(colours - paint).max(axis=1)
    rest = int(count[away > SAME].sum())
    other = int(count[off > max(32.0, 0.2 * np.abs(line).max())].sum())
    if other > max(32, MOST_OTHER * rest):
        return False
    third = count[(away > CLEAR) & (from_paint > CLEAR)].max(initial=0)
    if third >= max(THIRD_PIXELS, THIRD * rest):
        return False
    soft = int(count[(position > SOFT[0]) & (position < SOFT[1])].sum())
    full = int(count[from_paint <= SAME + 4].sum())
    if soft > MOST_SOFT * count.sum():
        return False
    return soft <= FEW_SOFT * count.sum() or full >= LEAST_FULL * rest


def _full_paint(
    count: NDArray[np.int64], colours: NDArray[np.float64], ground: NDArray[np.float64], paint: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the paint's full colour: a thin line has more pixels on its edges than of that."""
    line = paint - ground
    position = (colours - ground) @ line / (line @ line)
    rest = np.flatnonzero(np.abs(colours - ground).max(axis=1) > SAME)
    ordered = rest[np.argsort(position[rest])]
    reached = np.searchsorted(np.cumsum(count[ordered]), FULL * count[ordered].sum())
    full: NDArray[np.float64] = np.clip(ground + line * max(1.0, position[ordered[reached]]), 0.0, 255.0)
    return full


def _faint_levels(pixels: NDArray[np.uint8], ground: Colour) -> Levels:
    """Return the levels of a picture in which no colour is far from another: exactly two colours count all the same."""
    flat = _packed(pixels)
    values, counts = np.unique(flat, return_counts=True)
    if len(values) == 1:
        return Levels(Verdict.ONE, ground, ground)
    shown = [_unpacked(value, pixels.ndim) for value in values[np.argsort(-counts, kind="stable")]]
    if len(values) > 2:
        furthest = max(shown, key=lambda colour: max(abs(a - b) for a, b in zip(colour, shown[0], strict=True)))
        return Levels(Verdict.FAINT, shown[0], furthest)
    return Levels(Verdict.TWO, shown[0], shown[1], flat == values[counts.argmin()])


def _histogram(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return how many pixels each group of colours has (N,), and the sums of their channels (N,3)."""
    if pixels.ndim == 2:
        strips = (pixels[row : row + ROWS].ravel() for row in range(0, len(pixels), ROWS))
        each = sum((np.bincount(strip, minlength=256) for strip in strips), np.zeros(256, np.int64))
        values = each.reshape(-1, 1 << SHIFT)
        totals = (each * np.arange(256)).reshape(values.shape).sum(axis=1)
        return values.sum(axis=1), np.repeat(totals[:, None], 3, axis=1).astype(np.float64)
    size = 1 << ((8 - SHIFT) * 3)
    counts, sums = np.zeros(size, np.int64), np.zeros((size, 3))
    for row in range(0, len(pixels), ROWS):
        strip = pixels[row : row + ROWS].reshape(-1, 3)
        group = np.zeros(len(strip), np.int64)
        for channel in range(3):
            group = (group << (8 - SHIFT)) | (strip[:, channel] >> SHIFT)
        counts += np.bincount(group, minlength=size)
        for channel in range(3):
            sums[:, channel] += np.bincount(group, strip[:, channel], size)
    return counts, sums


def _nearer(pixels: NDArray[np.uint8], ground: NDArray[np.float64], paint: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return where a picture is nearer to the paint than to the ground (H,W)."""
    line = paint - ground
    weight = line if pixels.ndim == 3 else line.sum(keepdims=True)
    half = float((ground + paint) / 2 @ line)
    marked = np.empty(pixels.shape[:2], bool)
    for row in range(0, len(pixels), ROWS):
        strip = pixels[row : row + ROWS].astype(np.float32)
        strip = strip if pixels.ndim == 3 else strip[..., None]
        marked[row : row + ROWS] = strip @ weight.astype(np.float32) >= half
    return marked


def _packed(pixels: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return each pixel's colour as one number (H,W)."""
    if pixels.ndim == 2:
        return pixels.astype(np.uint32)
    packed = pixels[..., 0].astype(np.uint32)
    for channel in (1, 2):
        packed = (packed << np.uint32(8)) | pixels[..., channel].astype(np.uint32)
    return packed


def _unpacked(value: np.uint32, dimensions: int) -> Colour:
    number = int(value)
    return (number, number, number) if dimensions == 2 else (number >> 16, number >> 8 & 255, number & 255)


def _as_colour(values: NDArray[np.float64]) -> Colour:
    red, green, blue = (round(float(value)) for value in values)
    return red, green, blue


def colour_name(colour: Colour) -> str:
    """Return a colour in words, such as `white` or `dark green`."""
    brightest, darkest = max(colour), min(colour)
    if brightest < 48 or brightest - darkest < 0.25 * brightest:
        return "black" if brightest < 48 else "white" if brightest > 208 else "grey"
    red, green, blue = (value > (brightest + darkest) / 2 for value in colour)
    names = {
        (True, False, False): "red", (False, True, False): "green", (False, False, True): "blue",
        (True, True, False): "yellow", (False, True, True): "cyan", (True, False, True): "magenta",
    }  # fmt: skip
    return ("dark " if brightest < 160 else "") + names[red, green, blue]


def is_chromatic(colour: Colour) -> bool:
    """Return whether a colour is neither black nor white nor grey."""
    return colour_name(colour) not in ("black", "white", "grey")
