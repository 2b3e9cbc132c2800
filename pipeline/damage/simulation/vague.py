"""Damage of no kind in particular: any shape, filled anyhow, so that a detector learns what all kinds share."""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.damage.holes import draw_hole
from pipeline.damage.simulation.scene import Scene
from pipeline.damage.simulation.shapes import Field, Layer, Mode, noise, soften


def vague(scene: Scene) -> list[Layer]:
    """One to three patches, strokes, tears or specks of any tone, from hard and opaque to soft and faint."""
    rng, layers = scene.rng, []
    for _ in range(scene.count(1, 3)):
        side = int(np.clip(scene.short * float(np.exp(rng.uniform(np.log(0.08), np.log(1.1)))), 24, 4096))
        shape = _specks(scene, side) if rng.random() < 0.25 else _outline(scene, side)
        height, width = shape.shape
        edge = float(rng.choice([scene.softness, rng.uniform(0, 2.5)])) * max(1.0, 0.6 * scene.unit)
        alpha = soften(shape, edge)
        if rng.random() < 0.3:  # worn through unevenly
            alpha = alpha * np.clip(noise(rng, (height, width), 20 * scene.unit, 3) * 0.4 + 0.8, 0, 1)
        opacity = np.float32(scene.opacity(0.3))
        colour, mode = _fill(scene, (height, width))
        top, left = (int(rng.integers(-side // 2, max(1, n - side // 2))) for n in scene.shape)
        layers.append(Layer(top, left, (alpha * opacity).astype(np.float32), colour, mode))
    return layers


def _outline(scene: Scene, side: int) -> Field:
    """A hole as the inpainter is trained with, (side,side) in 0..1."""
    drawn = draw_hole(scene.rng, min(side, 512)).astype(np.float32)
    if drawn.mean() > 0.35:  # more would be a background, and its complement the damage
        drawn = drawn * (draw_hole(scene.rng, min(side, 512), "blobs") > 0)
    return cv2.resize(drawn, (side, side), interpolation=cv2.INTER_LINEAR).astype(np.float32, copy=False)


def _specks(scene: Scene, side: int) -> Field:
    """The highest places of noise of any grain, (side,side) in 0..1: specks, crumbs, a rash."""
    rng = scene.rng
    field = noise(rng, (side, side), float(np.exp(rng.uniform(np.log(2), np.log(12)))) * scene.unit, 2)
    limit = float(np.quantile(field, 1 - np.exp(rng.uniform(np.log(0.002), np.log(0.06)))))
    patch = noise(rng, (side, side), side / 2, 2) > float(rng.uniform(-1.5, 0.5))
    return ((field > limit) & patch).astype(np.float32)


def _fill(scene: Scene, shape: tuple[int, int]) -> tuple[Field, Mode]:
    """What the damage shows: paper, any flat or mottled tone, or the picture itself lighter or darker."""
    rng, look = scene.rng, scene.rng.random()
    if look < 0.25:
        return scene.bare(shape), "cover"
    tint = np.clip(1 + rng.normal(0, 0.08, 3), 0.7, 1.2)
    if look < 0.75:
        flat = (float(rng.uniform(0, 1)) * tint).astype(np.float32)
        if rng.random() < 0.5:
            return flat.clip(0, 1), "cover"
        mottled = flat + np.float32(rng.uniform(0.01, 0.08)) * noise(rng, shape, 8 * scene.unit, 3)[:, :, None]
        return mottled.clip(0, 1).astype(np.float32), "cover"
    if look < 0.88:
        return (float(rng.uniform(0.1, 0.6)) * tint).clip(0, 1).astype(np.float32), "stain"
    return np.full(3, rng.choice([-1, 1]) * rng.uniform(0.12, 0.5), np.float32), "shade"
