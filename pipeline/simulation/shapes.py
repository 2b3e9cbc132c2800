"""Draw soft shapes as alpha planes: noise, strokes of varying width, ragged blobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
Mode = Literal["cover", "stain", "shade"]


@dataclass(frozen=True)
class Layer:
    """One layer of damage, to be blended over a picture.

    Attributes:
        top, left: where the box starts; may lie outside the picture.
        alpha: (h,w) in 0..1, or in -1..1 for mode `shade`.
        colour: (3,) or (h,w,3) in 0..1.
        mode: `cover` blends the colour over the picture, `stain` multiplies by it, `shade` adds alpha × colour.
    """

    top: int
    left: int
    alpha: Field
    colour: Field
    mode: Mode = "cover"


def noise(rng: np.random.Generator, shape: tuple[int, int], cell: float, octaves: int = 3) -> Field:
    """Return smooth noise of `shape`, mean 0, deviation about 1; its largest features span `cell` pixels."""
    total = np.zeros(shape, np.float32)
    weight = 0.0
    for octave in range(octaves):
        step = max(1.0, cell / 2**octave)
        rows, columns = (max(2, int(np.ceil(n / step)) + 2) for n in shape)
        grid = rng.standard_normal((rows, columns)).astype(np.float32)
        # Resizing to just the needed size keeps the cost at one pass whatever the cell.
        field = cv2.resize(grid, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
        total += field * 0.6**octave
        weight += 0.36**octave
    return total / np.float32(np.sqrt(weight) * 0.75)


def soften(alpha: Field, sigma: float) -> Field:
    """Return the plane blurred by `sigma` pixels."""
    if sigma < 0.2:
        return alpha
    return cv2.GaussianBlur(alpha, (0, 0), sigma).astype(np.float32, copy=False)


def stroke(points: NDArray[np.float64], widths: NDArray[np.float64], margin: int = 4) -> tuple[int, int, Field]:
    """Return (top, left, alpha) of a line through `points` (n,2: x, y) with a width in pixels at each.

    Widths below one pixel come out fainter, not wider: the line is drawn enlarged and shrunk by area.
    """
    reach = float(widths.max()) / 2 + margin
    low = np.floor(points.min(axis=0) - reach).astype(int)
    high = np.ceil(points.max(axis=0) + reach).astype(int)
    columns, rows = (int(n) for n in np.maximum(high - low, 1))
    enlarge = int(np.clip(np.ceil(3 / max(0.3, float(np.median(widths)))), 1, 4))
    while enlarge > 1 and rows * columns * enlarge**2 > 16_000_000:
        enlarge -= 1
    canvas = np.zeros((rows * enlarge, columns * enlarge), np.uint8)
    fixed = np.round((points - low) * enlarge * 16).astype(np.int32)
    thickness = np.maximum(1, np.round(widths * enlarge)).astype(int)
    for i in range(len(points) - 1):
        start, end = (int(fixed[i, 0]), int(fixed[i, 1])), (int(fixed[i + 1, 0]), int(fixed[i + 1, 1]))
        cv2.line(canvas, start, end, 255, int(thickness[i]), cv2.LINE_AA, 4)
    alpha = cv2.resize(canvas, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255)
    return int(low[1]), int(low[0]), alpha


def walk(
    rng: np.random.Generator,
    start: NDArray[np.float64],
    angle: float,
    length: float,
    step: float,
    bend: float,
    drift: float = 0.0,
) -> NDArray[np.float64]:
    """Return points (n,2: x, y) of a path that turns by about `bend` radians a step, `drift` of it lasting."""
    count = max(2, int(length / step))
    curvature = rng.normal(0, drift) + np.cumsum(rng.normal(0, drift / 3, count)) if drift else np.zeros(count)
    angles = angle + np.cumsum(curvature + rng.normal(0, bend, count))
    moves = np.stack([np.cos(angles), np.sin(angles)], axis=1) * (step * rng.uniform(0.7, 1.3, count))[:, None]
    return np.concatenate([start[None], start + np.cumsum(moves, axis=0)])


def blob(rng: np.random.Generator, radius: float, ragged: float, edge: float, stretch: float = 1.0) -> Field:
    """Return a square alpha plane (2r and margin) of a ragged spot.

    Args:
        radius: mean radius in pixels.
        ragged: 0 for an ellipse, about 0.5 for a torn edge, in radii.
        edge: softness of the edge in pixels.
        stretch: ratio of its axes.
    """
    half = int(np.ceil(radius * (1 + ragged) * max(stretch, 1.0) + 2 * edge + 2))
    ys, xs = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float32)
    angle = rng.uniform(0, np.pi)
    along = xs * np.cos(angle) + ys * np.sin(angle)
    across = ys * np.cos(angle) - xs * np.sin(angle)
    distance = np.hypot(along / np.sqrt(stretch), across * np.sqrt(stretch))
    if ragged > 0 and half > 3:
        distance = distance * (1 + ragged * 0.5 * noise(rng, distance.shape, max(3.0, radius), 4))
    plane: Field = np.clip((radius - distance) / max(edge, 0.5) + 0.5, 0, 1).astype(np.float32)
    return plane
