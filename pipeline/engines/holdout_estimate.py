"""Estimate a repair's PSNR where the original is not known, on held-out pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
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
"""Side in pixels of the pieces of damage that are copied; with its context each is the network's smallest window."""

FEWEST, MOST, SHARE = 6, 16, 0.3
"""Pieces of a scan: so many at most, and between the two as many as cost this share of filling its damage."""

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
        low: tenth percentile of the samples' own PSNR.
        high: ninetieth percentile.
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


def held_out(
    key: str,
    colour: NDArray[Any],
    mask: NDArray[Any],
    layout: WindowLayout,
    *,
    seed: int = 0,
    count: int | None = None,
) -> list[Job]:
    """Return jobs that hide copies of the damage on intact places nearby, to be filled beside the scan's own damage.

    Pieces of the mask, drawn evenly over the damaged area, are shifted by up to `REACH` times their side to where the
    scan is intact. The true holes stay hidden, and are not filled again. Each job is as large as one window.

    Args:
        key: of the scan; those of the jobs begin with it.
        colour: the scan as in :class:`Job`; the jobs hold views of it.
        mask: (H,W), not 0 where damaged.
        layout: of the engine.
        seed: of the draw; the same seed gives the same places.
        count: of pieces wanted; by default what `SHARE` of the cost of the damage allows.
    """
    mask = canonical(mask)
    side = SIDE + 2 * layout.context
    places = _pieces(mask, np.random.default_rng(seed), count or _affordable(mask, layout, side), side)
    return [
        Job(f"{key}#{number}", colour[crop.slices], np.where(piece, np.uint8(255), np.uint8(0)), mask[crop.slices])
        for number, (crop, piece) in enumerate(places)
    ]


def sample(job: Job, filled: Filled) -> Sample | None:
    """Return how far a held-out piece was missed, None where no pixel of it can be compared."""
    error = filled.pixels - to_float(job.colour)[job.mask != 0]
    error = error[np.isfinite(error)]
    return Sample(float(np.square(error, dtype=np.float64).sum()), error.size) if error.size else None


def summarise(samples: Sequence[Sample]) -> Estimate:
    """Return the estimate that samples of one scan make together.

    It assumes that what was lost resembles what is near.
    """
    if not samples:
        return Estimate(math.nan, math.nan, math.nan, 0)
    each = [_decibel(one.squares, one.values) for one in samples]
    low, high = np.percentile(each, [10, 90])
    whole = _decibel(sum(one.squares for one in samples), sum(one.values for one in samples))
    return Estimate(whole, float(low), float(high), len(each))


def estimate(
    colour: NDArray[Any], mask: NDArray[Any], engine: Engine, *, seed: int = 0, count: int | None = None
) -> Estimate:
    """Return the hole-only PSNR of an engine on copies of the damage moved to intact places nearby.

    Args:
        colour, mask, seed, count: as in `held_out`.
        engine: that filled the scan.
    """
    jobs = held_out("", colour, mask, engine.layout, seed=seed, count=count)
    found = (sample(job, filled) for job, filled in zip(jobs, inpaint(iter(jobs), engine), strict=True))
    return summarise([one for one in found if one is not None])


def _affordable(mask: NDArray[np.uint8], layout: WindowLayout, side: int) -> int:
    """Return how many windows of a side may be filled beside a scan's damage."""
    pixels = sum(window.shape[0] * window.shape[1] for window in plan(mask, layout).windows)
    return max(FEWEST, min(MOST, round(SHARE * pixels / side**2)))


def _decibel(square: float, size: int) -> float:
    return min(CEILING, -10 * math.log10(square / size)) if square > 0 else CEILING


def _pieces(
    mask: NDArray[np.uint8], rng: np.random.Generator, count: int, side: int
) -> Iterator[tuple[Rect, NDArray[np.bool_]]]:
    """Yield places as rectangles of the scan of a side, and in each the pixels to hide."""
    cells = np.argwhere(reduce_mask(mask).occupied) if mask.size else np.empty((0, 2), np.intp)
    if not len(cells):
        return
    # Evenly over the damage: drawn one by one, several would often be copies of one place.
    steps = (np.arange(count) + rng.random()) * len(cells) / count
    for cell in cells[steps.astype(np.intp)]:
        centre = cell * CELL + CELL // 2
        source = Rect(*(centre - SIDE // 2), *(centre + SIDE // 2)).grow(0, mask.shape)
        piece = mask[source.slices] != 0
        for _ in range(TRIES):
            angle, distance = rng.uniform(0, 2 * math.pi), rng.uniform(0.5, REACH) * SIDE
            down, across = round(distance * math.sin(angle)), round(distance * math.cos(angle))
            target = Rect(source.top + down, source.left + across, source.bottom + down, source.right + across)
            if target.intersect(Rect(0, 0, *mask.shape)) != target:
                continue
            # Not next to the true damage either: its rim may contain remains of it.
            taken = cv2.dilate(mask[target.grow(3, mask.shape).slices], np.ones((7, 7), np.uint8)) != 0
            free = piece & ~taken[target.within(target.grow(3, mask.shape))]
            if free.sum() < max(1, piece.sum() // 2):
                continue
            crop = _around(target, side, mask.shape)
            place = np.zeros((crop.height, crop.width), bool)
            place[target.within(crop)] = free
            yield crop, place
            break


def _around(target: Rect, side: int, shape: tuple[int, ...]) -> Rect:
    """Return a square of a side around a rectangle, moved inside the scan; smaller where the scan is."""
    centre = ((target.top + target.bottom) // 2, (target.left + target.right) // 2)
    lengths = [min(side, extent) for extent in shape]
    top, left = (
        max(0, min(at - length // 2, extent - length))
        for at, length, extent in zip(centre, lengths, shape, strict=True)
    )
    return Rect(top, left, top + lengths[0], left + lengths[1])
