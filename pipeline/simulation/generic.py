"""Draw generic damage: any shape with any filling, so that a detector learns what all kinds have in common."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from pipeline.simulation.context import Context
from pipeline.simulation.holes import draw_hole
from pipeline.simulation.shapes import Field, Layer, Mode, noise, soften


def draw_generic(context: Context) -> list[Layer]:
    """Return one to three patches, strokes, tears or specks of any tone, from hard and opaque to soft and faint."""
    rng, layers = context.rng, []
    for _ in range(context.count(1, 3)):
        side = int(np.clip(context.short * float(np.exp(rng.uniform(np.log(0.08), np.log(1.1)))), 24, 4096))
        shape = _SHAPES[int(rng.choice(len(_SHAPES), p=_SHARES))](context, side)
        height, width = shape.shape
        edge = float(rng.choice([context.softness, rng.uniform(0, 2.5)])) * max(1.0, 0.6 * context.unit)
        alpha = soften(shape, edge)
        if rng.random() < 0.3:  # worn through unevenly
            alpha = alpha * context.wear((height, width), 20)
        opacity = np.float32(context.opacity(0.3))
        colour, mode = _fill(context, (height, width))
        top, left = (int(rng.integers(-side // 2, max(1, n - side // 2))) for n in context.shape)
        layers.append(Layer(top, left, (alpha * opacity).astype(np.float32), colour, mode))
    return layers


def _outline(context: Context, side: int) -> Field:
    """Return a hole like those the inpainter is trained with, (side,side) in 0..1."""
    drawn = draw_hole(context.rng, min(side, 512)).astype(np.float32)
    if drawn.mean() > 0.35:  # a larger shape would be the background, and its complement the damage
        drawn = drawn * (draw_hole(context.rng, min(side, 512), "blobs") > 0)
    return cv2.resize(drawn, (side, side), interpolation=cv2.INTER_LINEAR).astype(np.float32, copy=False)


def _specks(context: Context, side: int) -> Field:
    """Return the maxima of noise of any grain, (side,side) in 0..1: specks, crumbs, clusters."""
    rng = context.rng
    field = noise(rng, (side, side), float(np.exp(rng.uniform(np.log(2), np.log(12)))) * context.unit, 2)
    limit = float(np.quantile(field, 1 - np.exp(rng.uniform(np.log(0.002), np.log(0.06)))))
    patch = noise(rng, (side, side), side / 2, 2) > float(rng.uniform(-1.5, 0.5))
    return ((field > limit) & patch).astype(np.float32)


def _lace(context: Context, side: int) -> Field:
    """Return damage by insects, mould or acid: a patch (side,side) in 0..1 full of holes, denser in its middle."""
    rng = context.rng
    cell = float(np.exp(rng.uniform(np.log(5), np.log(40)))) * context.unit
    ys, xs = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j].astype(np.float32)
    slope = float(rng.uniform(0.5, 2.5))
    field = noise(rng, (side, side), cell, int(rng.integers(1, 4))) + slope * (0.55 - np.hypot(xs, ys)) * 2
    eaten = field > float(rng.uniform(0.2, 1.2))
    return np.asarray(eaten, np.float32)


def _shards(context: Context, side: int) -> Field:
    """Return fragments broken off with straight edges, (side,side) in 0..1."""
    rng, canvas = context.rng, np.zeros((side, side), np.uint8)
    for _ in range(int(rng.integers(1, 7))):
        middle, reach = rng.uniform(0, side, 2), side * float(rng.uniform(0.03, 0.3))
        corners = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 8))))
        radii = reach * rng.uniform(0.4, 1, len(corners))
        points = middle + radii[:, None] * np.stack([np.cos(corners), np.sin(corners)], axis=1)
        cv2.fillPoly(canvas, [np.round(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return canvas.astype(np.float32) / np.float32(255)


_SHAPES: tuple[Callable[[Context, int], Field], ...] = (_specks, _outline, _lace, _shards)
_SHARES = (0.2, 0.5, 0.2, 0.1)


def _fill(context: Context, shape: tuple[int, int]) -> tuple[Field, Mode]:
    """Return what the damage shows: paper, a flat or mottled tone, or the picture itself lighter or darker."""
    rng, look = context.rng, context.rng.random()
    if look < 0.25:
        return context.bare_paper(shape), "cover"
    tint = np.clip(1 + rng.normal(0, 0.08, 3), 0.7, 1.2) if rng.random() < 0.8 else rng.uniform(0.1, 1.4, 3)
    if look < 0.75:
        flat = (float(rng.uniform(0, 1)) * tint).astype(np.float32)
        if rng.random() < 0.5:
            return flat.clip(0, 1), "cover"
        mottled = flat + np.float32(rng.uniform(0.01, 0.08)) * noise(rng, shape, 8 * context.unit, 3)[:, :, None]
        return mottled.clip(0, 1).astype(np.float32), "cover"
    if look < 0.88:
        return (float(rng.uniform(0.1, 0.6)) * tint).clip(0, 1).astype(np.float32), "stain"
    return np.full(3, rng.choice([-1, 1]) * rng.uniform(0.12, 0.5), np.float32), "shade"
