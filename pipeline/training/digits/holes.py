"""The holes cut into digits: centred squares for the report, and rectangles at any place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.training.digits.datasets import SIDE

SIZES = (10, 14)
"""The sides in pixels that are reported; the paper does not say which it used."""


def centred_hole(size: int) -> NDArray[np.bool_]:
    """Return a (28,28) mask with a centred square of ``size`` pixels missing (True)."""
    if not 0 < size < SIDE:
        raise ValueError(f"a hole's side must lie between 1 and {SIDE - 1}, got {size}")
    hole = np.zeros((SIDE, SIDE), dtype=np.bool_)
    start = (SIDE - size) // 2
    hole[start : start + size, start : start + size] = True
    return hole


def centred_holes(count: int, sizes: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return masks (N,28,28), each with one of the centred squares, drawn with equal probability."""
    bank = np.stack([centred_hole(size) for size in sizes])
    drawn: NDArray[np.bool_] = bank[rng.integers(len(sizes), size=count)]
    return drawn


def varied_holes(count: int, sizes: tuple[int, ...], rng: np.random.Generator, *, share: float) -> NDArray[np.bool_]:
    """Return masks (N,28,28): centred squares, a ``share`` of them rectangles of 4 to 16 pixels at any place."""
    holes = centred_holes(count, sizes, rng)
    for index in np.flatnonzero(rng.random(count) < share):
        height, width = rng.integers(4, 17, size=2)
        top, left = rng.integers(SIDE - height + 1), rng.integers(SIDE - width + 1)
        holes[index] = False
        holes[index, top : top + height, left : left + width] = True
    return holes
