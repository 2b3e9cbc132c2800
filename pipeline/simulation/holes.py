"""Draw random holes for training the inpainter: shaped like damage, and generic ones."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.imaging.types import Hole


def _walk(rng: np.random.Generator, size: int, steps: int, stride: float, bend: float) -> NDArray[np.int32]:
    """Return a random walk of `steps` points (steps,1,2) that turns by about `bend` radians at each."""
    angles = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, bend, steps))
    lengths = stride * rng.uniform(0.6, 1.4, steps)
    start = rng.uniform(-0.1 * size, 1.1 * size, 2)
    points = start + np.cumsum(np.stack([np.cos(angles), np.sin(angles)], axis=1) * lengths[:, None], axis=0)
    return np.round(points).astype(np.int32)[:, None, :]


def _empty_canvas(size: int) -> NDArray[np.uint8]:
    return np.zeros((size, size), np.uint8)


def _thin(rng: np.random.Generator, size: int) -> Hole:
    """Return scratches, hairs and branching cracks, one to a few pixels wide, with some dust between them."""
    canvas = _empty_canvas(size)
    for _ in range(int(rng.integers(1, 8))):
        width = int(rng.choice([1, 1, 2, 2, 3, 3, 4, 5]))
        shape = rng.random()
        if shape < 0.35:  # a scratch: long and almost straight
            points = _walk(rng, size, 8, size / 5, 0.06)
        elif shape < 0.7:  # a hair: it curls
            points = _walk(rng, size, int(rng.integers(12, 40)), size / 40, 0.35)
        else:  # a crack: jagged, and it branches
            points = _walk(rng, size, int(rng.integers(8, 24)), size / 16, 0.6)
            for _ in range(int(rng.integers(0, 4))):
                branch = _walk(rng, size, int(rng.integers(4, 10)), size / 20, 0.6)
                branch += points[int(rng.integers(len(points)))] - branch[0]
                cv2.polylines(canvas, [branch], False, 1, max(1, width - 1))
        cv2.polylines(canvas, [points], False, 1, width)
    for _ in range(int(rng.integers(0, 12))):
        centre = rng.integers(0, size, 2)
        axes = rng.integers(1, 5, 2)
        cv2.ellipse(
            canvas,
            (int(centre[0]), int(centre[1])),
            (int(axes[0]), int(axes[1])),
            float(rng.uniform(0, 180)),
            0,
            360,
            1,
            -1,
        )
    return canvas > 0


def _strokes(rng: np.random.Generator, size: int) -> Hole:
    """Return free-form brush strokes, as in DeepFill v2 (Yu et al., ICCV 2019, section 3.3)."""
    canvas = _empty_canvas(size)
    for _ in range(int(rng.integers(1, 10))):
        width = int(rng.integers(max(3, size // 24), max(4, size // 7)))
        points = _walk(rng, size, int(rng.integers(3, 10)), size / 6, 0.8)
        cv2.polylines(canvas, [points], False, 1, width)
        for point in points[:, 0]:
            cv2.circle(canvas, (int(point[0]), int(point[1])), width // 2, 1, -1)
    return canvas > 0


def _blobs(rng: np.random.Generator, size: int) -> Hole:
    """Return flaked patches: smooth noise above a quantile."""
    cells = int(rng.integers(3, 17))
    noise = cv2.resize(
        rng.standard_normal((cells, cells)).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC
    )
    fine = cv2.resize(
        rng.standard_normal((cells * 4, cells * 4)).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC
    )
    field = noise + rng.uniform(0, 0.5) * fine
    mask: Hole = field > np.quantile(field, 1.0 - rng.uniform(0.02, 0.4))
    return mask


def _tear(rng: np.random.Generator, size: int) -> Hole:
    """Return tears or lost corners: ragged areas missing at the border."""
    canvas = _empty_canvas(size)
    for _ in range(int(rng.integers(1, 3))):
        count = int(rng.integers(6, 18))
        along = np.sort(rng.uniform(-0.1, 1.1, count)) * size
        profile = np.sin(np.linspace(0, np.pi, count)) if rng.random() < 0.5 else np.linspace(1, 0, count)
        depth = profile * rng.uniform(0.08, 0.5) * size * rng.uniform(0.7, 1.3, count)
        if rng.random() < 0.5:  # narrow: a tear runs far in on a short base
            along = size * rng.uniform(0.1, 0.8) + (along - along[0]) * rng.uniform(0.08, 0.4)
        outline = np.stack([along, depth], axis=1)
        outline = np.concatenate([[[along[0], -2]], outline, [[along[-1], -2]]])
        side = _empty_canvas(size)
        cv2.fillPoly(side, [np.round(outline).astype(np.int32)], 1)
        canvas |= np.rot90(side, int(rng.integers(4)))
    return canvas > 0


def _rectangles(rng: np.random.Generator, size: int) -> Hole:
    """Return rectangles: several, or one that may be large."""
    canvas = _empty_canvas(size)
    count = 1 if rng.random() < 0.5 else int(rng.integers(2, 6))
    largest = 0.5 if count == 1 else 0.25
    for _ in range(count):
        height, width = (int(value) for value in rng.uniform(0.05, largest, 2) * size)
        top = int(rng.integers(-height // 4, size - height // 2))
        left = int(rng.integers(-width // 4, size - width // 2))
        canvas[max(0, top) : top + max(2, height), max(0, left) : left + max(2, width)] = 1
    return canvas > 0


KINDS: dict[str, tuple[float, Callable[[np.random.Generator, int], Hole]]] = {
    "thin": (0.35, _thin),
    "strokes": (0.27, _strokes),
    "blobs": (0.16, _blobs),
    "tear": (0.08, _tear),
    "rectangles": (0.14, _rectangles),
}
"""Kinds of hole, each with its share of the training masks."""


def draw_hole(rng: np.random.Generator, size: int, kind: str | None = None) -> Hole:
    """Return a random hole (size,size) bool, true where the picture is missing; never empty, at most 70 %.

    Args:
        rng: source of every random draw.
        size: side in pixels, at least 16.
        kind: one of `KINDS`, or None for the mixture used in training.

    Raises:
        ValueError: an unknown kind, or a smaller size.
    """
    if size < 16:
        raise ValueError(f"a hole needs a side of at least 16 pixels, got {size}")
    if kind is not None and kind not in KINDS:
        raise ValueError(f"unknown kind of hole {kind!r}; there are {', '.join(KINDS)}")
    names = list(KINDS)
    shares = np.array([KINDS[name][0] for name in names])
    for _ in range(100):
        chosen = kind or names[int(rng.choice(len(names), p=shares / shares.sum()))]
        mask = KINDS[chosen][1](rng, size)
        if 0 < mask.mean() <= 0.7:
            return mask
    # Practically unreachable: fall back to a square.
    mask = np.zeros((size, size), np.bool_)
    mask[size // 4 : size // 2, size // 4 : size // 2] = True
    return mask


class HoleBank:
    """Holes drawn once, and picked in one of their eight symmetries.

    Drawing takes about a millisecond, picking some microseconds, so that loading data keeps up with the device.
    Memory: count × size² / 8 bytes.

    Args:
        rng: source of every random draw.
        size: side of the holes in pixels.
        count: number of holes.
        extra: further holes (size,size) bool, such as shapes of scanned film artefacts.
        extra_share: share of picks taken from `extra`.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        size: int,
        count: int,
        extra: list[Hole] | None = None,
        extra_share: float = 0.2,
    ) -> None:
        self.size = size
        self._drawn = [np.packbits(draw_hole(rng, size)) for _ in range(count)]
        self._extra = [np.packbits(mask) for mask in extra or []]
        self._extra_share = extra_share if self._extra else 0.0

    def pick(self, rng: np.random.Generator) -> Hole:
        """Return a random hole (size,size) bool."""
        holes = self._extra if rng.random() < self._extra_share else self._drawn
        packed = holes[int(rng.integers(len(holes)))]
        mask = np.unpackbits(packed, count=self.size * self.size).reshape(self.size, self.size).astype(np.bool_)
        mask = np.rot90(mask, int(rng.integers(4)))
        return np.fliplr(mask) if rng.random() < 0.5 else mask
