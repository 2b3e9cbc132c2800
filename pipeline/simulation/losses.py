"""Draw losses, as conservators call them: broad areas where the picture is missing, inside it or at its border."""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.simulation.context import Context
from pipeline.simulation.shapes import Field, Layer, noise, soften


def loss(context: Context) -> list[Layer]:
    """Return patches of one tone: ragged, or with pointed arms where cracks ended, or a band along the border."""
    rng, layers = context.rng, []
    opacity = np.float32(context.opacity(0.8) if rng.random() < 0.6 else rng.uniform(0.3, 0.9))
    shape = (_ragged, _pointed, _band)[int(rng.choice(3, p=(0.45, 0.3, 0.25)))]
    soft = context.softness * (1.0 if rng.random() < 0.7 else float(rng.uniform(1.5, 5)))
    for _ in range(1 if shape is _band else context.count(1, 4)):
        top, left, alpha = shape(context)
        alpha = soften(alpha, soft)
        ground = _draw_ground(context, alpha.shape)
        if rng.random() < 0.4:  # the remaining layer is a little higher and casts a shadow
            shift = max(1, round(context.unit * float(rng.uniform(0.7, 2))))
            shadow = np.clip(np.roll(alpha, (shift, shift), (0, 1)) - alpha, 0, 1) * np.float32(rng.uniform(0.2, 0.6))
            layers.append(Layer(top, left, shadow, np.full(3, 0.06, np.float32)))
        layers.append(Layer(top, left, (alpha * opacity).astype(np.float32), ground))
    return layers


def _ragged(context: Context) -> tuple[int, int, Field]:
    """Return a patch with a rim torn at every scale, in half of the cases on the picture's border."""
    rng = context.rng
    radius = context.short * float(np.exp(rng.uniform(np.log(0.03), np.log(0.25))))
    half = int(1.8 * radius) + 4
    ys, xs = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float32) / np.float32(radius)
    stretch, turn = float(np.exp(rng.uniform(0, 1))), float(rng.uniform(0, np.pi))
    along, across = xs * np.cos(turn) + ys * np.sin(turn), ys * np.cos(turn) - xs * np.sin(turn)
    distance = np.hypot(along / np.sqrt(stretch), across * np.sqrt(stretch))
    distance += np.float32(rng.uniform(0.1, 0.35)) * noise(rng, distance.shape, radius, 6)
    alpha = np.clip((0.9 - distance) * radius + 0.5, 0, 1).astype(np.float32)
    x, y = _border_point(context) if rng.random() < 0.5 else context.random_point()
    return int(y) - half, int(x) - half, alpha


def _pointed(context: Context) -> tuple[int, int, Field]:
    """Return a patch that ends in points, its sides curved inwards between them."""
    rng = context.rng
    reach = context.short * float(np.exp(rng.uniform(np.log(0.03), np.log(0.3))))
    half = int(reach) + 4
    ys, xs = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float32)
    angle = np.arctan2(ys, xs) + np.float32(0.1) * noise(rng, xs.shape, reach / 2, 2)
    radius = np.full(xs.shape, reach * rng.uniform(0.05, 0.3), np.float32)
    for heading in rng.uniform(-np.pi, np.pi, int(rng.integers(2, 8))):
        away = np.abs((angle - heading + np.pi) % (2 * np.pi) - np.pi)
        radius += np.float32(reach * rng.uniform(0.25, 0.8)) * np.exp(-away / np.float32(rng.uniform(0.05, 0.35)))
    alpha = np.clip(np.minimum(radius, reach) - np.hypot(xs, ys) + 0.5, 0, 1).astype(np.float32)
    x, y = _border_point(context) if rng.random() < 0.3 else context.random_point()
    return int(y) - half, int(x) - half, alpha


def _band(context: Context) -> tuple[int, int, Field]:
    """Return what is worn, torn or eaten away along one or two sides, to a varying depth."""
    rng, (rows, columns) = context.rng, context.shape
    alpha = np.zeros((rows, columns), np.float32)
    ys, xs = np.mgrid[0:rows, 0:columns].astype(np.float32)
    sides = (ys, rows - 1 - ys, xs, columns - 1 - xs)
    for side in rng.choice(4, int(rng.integers(1, 3)), replace=False):
        depth = context.short * float(np.exp(rng.uniform(np.log(0.015), np.log(0.16))))
        rim = noise(rng, (rows, columns), depth * float(rng.uniform(1, 6)), 6)
        uneven = depth * (float(rng.uniform(-0.5, 0.9)) + float(rng.uniform(0.2, 0.8)) * rim)
        np.maximum(alpha, np.clip(uneven - sides[int(side)] + 0.5, 0, 1), out=alpha)
    return 0, 0, alpha


def _border_point(context: Context) -> tuple[float, float]:
    """Return a random point (x, y) on the picture's border."""
    rows, columns = context.shape
    x, y = context.random_point()
    side = int(context.rng.integers(4))
    return (x, 0.0 if side == 0 else float(rows)) if side < 2 else (0.0 if side == 2 else float(columns), y)


def _draw_ground(context: Context, shape: tuple[int, int]) -> Field:
    """Return what is exposed (h,w,3): paper with its relief, or a flat or mottled tone, with a gradient across it."""
    rng = context.rng
    if rng.random() < 0.6:
        ground = context.bare_paper(shape)
    else:
        tint = np.clip(1 + rng.normal(0, 0.08, 3), 0.7, 1.2)
        ground = np.broadcast_to((float(rng.uniform(0, 1)) * tint).astype(np.float32), (*shape, 3))
    mottled = noise(rng, shape, context.unit * float(np.exp(rng.uniform(np.log(3), np.log(40)))), 3)
    relief = np.float32(rng.uniform(0, 0.06)) * mottled
    if rng.random() < 0.5:  # embossed: fibres lit from one side
        fibres = noise(rng, shape, context.unit * float(rng.uniform(2, 7)), 2)
        lit = cv2.Sobel(fibres, cv2.CV_32F, 1, 0, ksize=3) + cv2.Sobel(fibres, cv2.CV_32F, 0, 1, ksize=3)
        relief = relief + np.float32(rng.uniform(0.01, 0.08)) * lit / max(float(lit.std()), 1e-6)
    slant = np.linspace(-1, 1, shape[int(rng.integers(2))], dtype=np.float32) * np.float32(rng.normal(0, 0.05))
    relief = relief + (slant[:, None] if len(slant) == shape[0] else slant[None, :])
    return np.clip(ground + relief[:, :, None], 0, 1).astype(np.float32)
