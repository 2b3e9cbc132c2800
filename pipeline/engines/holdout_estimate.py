"""Estimate a repair's PSNR where the original is not known, on held-out pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines import Engine, Job, Rect, inpaint, paste
from pipeline.engines.grid import CELL, reduce_mask
from pipeline.engines.pixels import canonical, to_float

SIDE = 128
"""Side in pixels of the pieces of damage that are copied."""

CONTEXT = 64
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


def estimate(colour: NDArray[Any], mask: NDArray[Any], engine: Engine, *, seed: int = 0, count: int = 8) -> Estimate:
    """Return the hole-only PSNR of the engine on copies of the damage moved to intact places nearby.

    Pieces of the mask, drawn by area, are shifted by up to four times their size to where the scan is intact; those
    pixels are hidden, filled, and compared with the scan's own pixels. The true holes stay hidden. The estimate assumes
    that what was lost resembles what is near.

    Args:
        colour: the scan as in :class:`Job`.
        mask: (H,W), not 0 where damaged.
        engine: that filled the scan.
        seed: of the draw; the same seed gives the same samples.
        count: of samples wanted; costs about as much as inpainting that many damaged places.
    """
    mask = canonical(mask)
    jobs: dict[str, tuple[Job, NDArray[np.bool_]]] = {}
    for number, (crop, piece) in enumerate(_pieces(mask, np.random.default_rng(seed), count)):
        hidden = mask[crop.slices] | np.where(piece, np.uint8(255), np.uint8(0))
        jobs[str(number)] = (Job(str(number), colour[crop.slices], hidden), piece)
    squares, sizes = [], []
    for filled in inpaint((job for job, _ in jobs.values()), engine):
        job, piece = jobs[filled.key]
        error = paste(job.colour, job.mask, filled)[piece] - to_float(job.colour)[piece]
        error = error[np.isfinite(error)]
        if error.size:
            squares.append(float(np.square(error, dtype=np.float64).sum()))
            sizes.append(error.size)
    if not sizes:
        return Estimate(math.nan, math.nan, math.nan, 0)
    each = [_decibel(square, size) for square, size in zip(squares, sizes, strict=True)]
    low, high = np.percentile(each, [10, 90])
    return Estimate(_decibel(sum(squares), sum(sizes)), float(low), float(high), len(each))


def _decibel(square: float, size: int) -> float:
    return min(CEILING, -10 * math.log10(square / size)) if square > 0 else CEILING


def _pieces(mask: NDArray[np.uint8], rng: np.random.Generator, count: int) -> Iterator[tuple[Rect, NDArray[np.bool_]]]:
    """Yield places as rectangles of the scan, and in each the pixels to hide."""
    cells = np.argwhere(reduce_mask(mask).occupied) if mask.size else np.empty((0, 2), np.intp)
    if not len(cells):
        return
    for cell in cells[rng.integers(0, len(cells), count)]:
        centre = cell * CELL + CELL // 2
        source = Rect(*(centre - SIDE // 2), *(centre + SIDE // 2)).grow(0, mask.shape)
        piece = mask[source.slices] != 0
        for _ in range(TRIES):
            angle, distance = rng.uniform(0, 2 * math.pi), rng.uniform(0.5, 4) * SIDE
            down, across = round(distance * math.sin(angle)), round(distance * math.cos(angle))
            target = Rect(source.top + down, source.left + across, source.bottom + down, source.right + across)
            if target.intersect(Rect(0, 0, *mask.shape)) != target:
                continue
            # Not next to the true damage either: its rim may contain remains of it.
            taken = cv2.dilate(mask[target.grow(3, mask.shape).slices], np.ones((7, 7), np.uint8)) != 0
            free = piece & ~taken[target.within(target.grow(3, mask.shape))]
            if free.sum() < max(1, piece.sum() // 2):
                continue
            crop = target.grow(CONTEXT, mask.shape)
            place = np.zeros((crop.height, crop.width), bool)
            place[target.within(crop)] = free
            yield crop, place
            break
