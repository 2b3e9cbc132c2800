"""Estimate a repair's PSNR where the original is not known, on held-out pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines import Engine, Filled, Job, Rect, WindowLayout, inpaint
from pipeline.engines.grid import CELL, reduce_mask
from pipeline.engines.pixels import canonical, to_float
from pipeline.engines.plan import plan

SIDE = 32
"""Side in pixels of the pieces of damage that are copied."""

GAP = 32
"""Pixels between two pieces that are hidden in one window."""

CONTEXT = 32
"""Pixels around the pieces of a window; with more they are filled no better, and cost a quarter more."""

FEWEST, MOST, SHARE = 6, 16, 0.18
"""Pieces of a scan: so many at most, and between the two as many as cost this share of filling its damage."""

PACKED = 2.75
"""Pieces that share the cost of a window on average; four fit."""

REACH = 4
"""A piece is moved by at most so many times its side: what was lost resembles what is near."""

TRIES = 24
CEILING = 96.0
"""Upper limit of a sample's PSNR in dB: the rounding of 16 bits."""


@dataclass(frozen=True)
class Estimate:
    """What the engine achieves on intact places near the damage; an estimate, never a measurement of the repair.

    Attributes:
        psnr: in dB, hole-only, over all samples' pixels together; ``nan`` without samples.
        low: tenth percentile of the samples' own PSNR, or ``psnr`` where that is lower: the worst samples have most of
            the error.
        high: ninetieth percentile, or ``psnr`` where that is higher.
        samples: pieces that were filled; fewer than asked for where little intact ground is near.
    """

    psnr: float
    low: float
    high: float
    samples: int


@dataclass(frozen=True)
class Sample:
    """How far one held-out piece was missed.

    Attributes:
        squares: sum of the squared errors, in 0..1, of all its values.
        values: how many there are, three for each pixel.
    """

    squares: float
    values: int


@dataclass(frozen=True)
class HeldOut:
    """Pieces that are hidden in one window.

    Attributes:
        job: hides them.
        pieces: squares of the job's picture, each with one piece.
    """

    job: Job
    pieces: tuple[Rect, ...]


def held_out(
    key: str,
    colour: NDArray[Any],
    mask: NDArray[Any],
    layout: WindowLayout,
    *,
    seed: int = 0,
    count: int | None = None,
) -> list[HeldOut]:
    """Return jobs that hide copies of the damage on intact places nearby, to be filled beside the scan's own damage.

    Pieces of the mask, drawn evenly over the damaged area, are shifted by up to `REACH` times their side to where the
    scan is intact. The true holes stay hidden, and are not filled again. Each job is as large as one window, which
    holds up to four pieces: they share its context. All are filled at native scale, which for pieces so small costs a
    third less and is as close to the truth.

    Args:
        key: of the scan; those of the jobs begin with it.
        colour: the scan as in :class:`Job`; the jobs hold views of it.
        mask: (H,W), not 0 where damaged.
        layout: of the engine.
        seed: of the draw; the same seed gives the same places.
        count: of pieces wanted; by default what `SHARE` of the cost of the damage allows.
    """
    mask = canonical(mask)
    windows = _place(mask, np.random.default_rng(seed), count or _affordable(mask, layout))
    return [_hide(f"{key}#{number}", one, colour, mask, _context(layout)) for number, one in enumerate(windows)]


def sample(hidden: HeldOut, filled: Filled) -> list[Sample]:
    """Return how far each piece was missed, without those of which no pixel can be compared."""
    error = np.full((*hidden.job.colour.shape[:2], 3), np.nan)
    error[hidden.job.mask != 0] = filled.pixels - to_float(hidden.job.colour)[hidden.job.mask != 0]
    missed = (part[np.isfinite(part)] for part in (error[piece.slices] for piece in hidden.pieces))
    return [Sample(float(np.square(part).sum()), part.size) for part in missed if part.size]


def summarise(samples: Sequence[Sample]) -> Estimate:
    """Return the estimate that samples of one scan make together.

    It assumes that what was lost resembles what is near.
    """
    if not samples:
        return Estimate(math.nan, math.nan, math.nan, 0)
    each = [_decibel(one.squares, one.values) for one in samples]
    low, high = np.percentile(each, [10, 90])
    whole = _decibel(sum(one.squares for one in samples), sum(one.values for one in samples))
    return Estimate(whole, min(float(low), whole), max(float(high), whole), len(each))


def estimate(
    colour: NDArray[Any], mask: NDArray[Any], engine: Engine, *, seed: int = 0, count: int | None = None
) -> Estimate:
    """Return the hole-only PSNR of an engine on copies of the damage moved to intact places nearby.

    Args:
        colour, mask, seed, count: as in `held_out`.
        engine: that filled the scan.
    """
    hidden = held_out("", colour, mask, engine.layout, seed=seed, count=count)
    filled = inpaint((one.job for one in hidden), engine)
    return summarise([found for one, done in zip(hidden, filled, strict=True) for found in sample(one, done)])


def _affordable(mask: NDArray[np.uint8], layout: WindowLayout) -> int:
    """Return how many pieces may be filled beside a scan's damage."""
    pixels = sum(window.shape[0] * window.shape[1] for window in plan(mask, layout).windows)
    return max(FEWEST, min(MOST, round(SHARE * pixels * PACKED / _side(layout) ** 2)))


def _decibel(square: float, size: int) -> float:
    return min(CEILING, -10 * math.log10(square / size)) if square > 0 else CEILING


@dataclass
class _Window:
    """A place where pieces are hidden, in pixels of the scan.

    Attributes:
        slots: squares that are still free for a piece.
        pieces: where pieces are, and (h,w) which pixels of each square to hide.
    """

    slots: list[Rect]
    pieces: list[tuple[Rect, NDArray[np.bool_]]]


def _context(layout: WindowLayout) -> int:
    """Return how many pixels a window shows around its pieces."""
    return min(CONTEXT, layout.context)


def _side(layout: WindowLayout) -> int:
    """Return the side of a window that holds two pieces beside each other."""
    return 2 * SIDE + GAP + 2 * _context(layout)


def _place(mask: NDArray[np.uint8], rng: np.random.Generator, count: int) -> list[_Window]:
    """Return the windows with the pieces in them."""
    cells = np.argwhere(reduce_mask(mask).occupied) if mask.size else np.empty((0, 2), np.intp)
    windows: list[_Window] = []
    if not len(cells):
        return windows
    # Evenly over the damage: drawn one by one, several would often be copies of one place.
    steps = (np.arange(count) + rng.random()) * len(cells) / count
    for cell in cells[steps.astype(np.intp)]:
        centre = cell * CELL + CELL // 2
        source = Rect(*(centre - SIDE // 2), *(centre + SIDE // 2)).grow(0, mask.shape)
        if not _join(windows, source, mask) and (opened := _open(rng, source, mask)) is not None:
            windows.append(opened)
    return windows


def _join(windows: list[_Window], source: Rect, mask: NDArray[np.uint8]) -> bool:
    """Hide a copy of a piece of the mask in a free slot of a window near it, and return whether there is one."""
    for window in windows:
        for slot in window.slots:
            target = Rect(slot.top, slot.left, slot.top + source.height, slot.left + source.width)
            distance = math.hypot(target.top - source.top, target.left - source.left)
            if distance <= REACH * SIDE and (free := _free(source, target, mask)) is not None:
                window.slots.remove(slot)
                window.pieces.append((target, free))
                return True
    return False


def _open(rng: np.random.Generator, source: Rect, mask: NDArray[np.uint8]) -> _Window | None:
    """Return a window with a copy of a piece of the mask, moved to intact ground; None where there is none near."""
    for _ in range(TRIES):
        angle, distance = rng.uniform(0, 2 * math.pi), rng.uniform(0.5, REACH) * SIDE
        down, across = round(distance * math.sin(angle)), round(distance * math.cos(angle))
        target = Rect(source.top + down, source.left + across, source.bottom + down, source.right + across)
        if (free := _free(source, target, mask)) is None:
            continue
        # Towards the damage, where the next pieces come from.
        step = [(SIDE + GAP) * (-1 if shift > 0 else 1) for shift in (down, across)]
        others = ((target.top + y, target.left + x) for y in (0, step[0]) for x in (0, step[1]) if x or y)
        slots = [Rect(top, left, top + SIDE, left + SIDE) for top, left in others]
        return _Window(slots, [(target, free)])
    return None


def _free(source: Rect, target: Rect, mask: NDArray[np.uint8]) -> NDArray[np.bool_] | None:
    """Return which pixels of a place hide a copy of the mask's piece; None where it is not inside and intact enough."""
    if target.intersect(Rect(0, 0, *mask.shape)) != target:
        return None
    piece = mask[source.slices] != 0
    # Not next to the true damage either: its rim may contain remains of it.
    around = target.grow(3, mask.shape)
    taken = cv2.dilate(mask[around.slices], np.ones((7, 7), np.uint8)) != 0
    free: NDArray[np.bool_] = piece & ~taken[target.within(around)]
    return free if free.sum() >= max(1, piece.sum() // 2) else None


def _hide(key: str, window: _Window, colour: NDArray[Any], mask: NDArray[np.uint8], context: int) -> HeldOut:
    """Return the job that hides the pieces of a window."""
    rects = [rect for rect, _ in window.pieces]
    box = Rect(
        min(rect.top for rect in rects), min(rect.left for rect in rects),
        max(rect.bottom for rect in rects), max(rect.right for rect in rects),
    )  # fmt: skip
    crop = _around(box, mask.shape, context)
    place = np.zeros((crop.height, crop.width), np.uint8)
    for rect, free in window.pieces:
        place[rect.within(crop)][free] = 255
    pieces = (Rect(*(edge - crop[side % 2] for side, edge in enumerate(rect))) for rect in rects)
    return HeldOut(Job(key, colour[crop.slices], place, mask[crop.slices], native=True), tuple(pieces))


def _around(box: Rect, shape: tuple[int, ...], context: int) -> Rect:
    """Return a box with its context, moved inside the scan; smaller where the scan is."""
    first, last = [], []
    for start, end, extent in zip(box[:2], box[2:], shape, strict=True):
        length = min(extent, end - start + 2 * context)
        at = max(0, min((start + end - length) // 2, extent - length))
        first.append(at)
        last.append(at + length)
    return Rect(*first, *last)
