"""Draw damage of the sheet: tears, lost corners and edges, adhesive tape."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.simulation.context import Context
from pipeline.simulation.shapes import Field, Layer, noise, soften, stroke, walk


def _border_point(context: Context) -> tuple[NDArray[np.float64], float]:
    """Return a random point (x, y) on the picture's border and the heading inwards."""
    rows, columns = context.shape
    side, along = int(context.rng.integers(4)), float(context.rng.uniform(0.05, 0.95))
    point = (
        [along * columns, -2.0],
        [along * columns, rows + 2.0],
        [-2.0, along * rows],
        [columns + 2.0, along * rows],
    )
    heading = (np.pi / 2, -np.pi / 2, 0.0, np.pi)
    return np.array(point[side]), heading[side]


def tear(context: Context) -> list[Layer]:
    """Return tears from the border inwards: a ragged gap that narrows, a white torn edge, a thin shadow."""
    rng, layers = context.rng, []
    for _ in range(context.count(1, 2)):
        start, heading = _border_point(context)
        length = context.short * float(rng.uniform(0.08, 0.55))
        points = walk(rng, start, heading + rng.normal(0, 0.4), length, 7 * context.unit, 0.22, 0.004)
        mouth = context.unit * float(rng.choice([1.5, 3.0, 6.0, 14.0]) * rng.uniform(0.7, 1.3))
        widths = np.maximum(0.8, mouth * np.linspace(1, 0.12, len(points)) ** 0.8)
        widths *= np.clip(1 + 0.25 * rng.standard_normal(len(points)), 0.5, 1.6)
        top, left, fibres = stroke(points, widths + 2.5 * context.unit, margin=6)
        ragged = np.clip(
            soften(fibres, 0.8 * context.unit) * 2 - 0.6 + 0.45 * noise(rng, fibres.shape, 5 * context.unit, 2), 0, 1
        )
        shift = max(1, round(1.5 * context.unit))
        shadow = np.clip(np.roll(fibres, (shift, shift), (0, 1)) - fibres, 0, 1) * np.float32(rng.uniform(0.2, 0.5))
        layers.append(Layer(top, left, soften(shadow, context.softness + 0.5), np.full(3, 0.05, np.float32)))
        layers.append(
            Layer(top, left, soften(ragged, context.softness) * np.float32(0.95), context.bare_paper(fibres.shape))
        )
        if mouth > 5 * context.unit and rng.random() < 0.5:  # open: what is behind the sheet shows
            top, left, gap = stroke(points, np.maximum(widths - 1.5 * context.unit, 0.5), margin=4)
            layers.append(Layer(top, left, soften(gap, context.softness), _background_colour(context)))
    return layers


def lost_corner(context: Context) -> list[Layer]:
    """Return a lost corner or a bite out of an edge; the torn rim shows paper."""
    rng = context.rng
    rows, columns = context.shape
    reach = context.short * float(rng.uniform(0.05, 0.22))
    size = int(reach * 1.6) + 4
    ys, xs = np.mgrid[0:size, 0:size].astype(np.float32)
    slope = float(rng.uniform(0.5, 2.0))
    if rng.random() < 0.7:
        distance = (xs * np.sqrt(slope) + ys / np.sqrt(slope)) / np.float32(1.2)
        top = int(rng.choice([0, rows - size]))
        left = int(rng.choice([0, columns - size]))
    else:  # a bite
        distance = np.hypot(xs - size / 2, ys * slope) * np.float32(1.7)
        top, left = int(rng.choice([0, rows - size])), int(rng.uniform(0, max(1, columns - size)))
    distance = distance + np.float32(0.06 * reach) * noise(rng, (size, size), reach / 3, 4)
    if top > 0:
        distance = distance[::-1]
    if left > 0 and left == columns - size:
        distance = distance[:, ::-1]
    rim = context.unit * float(rng.uniform(1.5, 6))
    uneven = rim * (1 + 0.5 * noise(rng, (size, size), 10 * context.unit, 2))
    paper = soften(np.clip(reach - distance + 0.5, 0, 1).astype(np.float32), context.softness)
    gone = soften(np.clip(reach - uneven - distance + 0.5, 0, 1).astype(np.float32), context.softness)
    layers = [Layer(top, left, paper, context.bare_paper((size, size)))]
    if rng.random() < 0.7:
        layers.append(Layer(top, left, gone, _background_colour(context)))
    return layers


def tape(context: Context) -> list[Layer]:
    """Return a strip of yellowed adhesive tape, transparent, with sharp long edges."""
    rng = context.rng
    length, width = context.short * float(rng.uniform(0.15, 0.5)), context.short * float(rng.uniform(0.04, 0.09))
    angle = float(rng.uniform(0, np.pi))
    start = context.random_point()
    end = start + length * np.array([np.cos(angle), np.sin(angle)])
    along, across = (end - start) / 2, width / 2 * np.array([-np.sin(angle), np.cos(angle)])
    middle = (start + end) / 2
    corners = np.stack(
        [middle + along + across, middle + along - across, middle - along - across, middle - along + across]
    )
    low = np.floor(corners.min(axis=0)).astype(int) - 3
    high = np.ceil(corners.max(axis=0)).astype(int) + 3
    plane = np.zeros((int(high[1] - low[1]), int(high[0] - low[0])), np.uint8)
    cv2.fillPoly(plane, [np.round((corners - low) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    body = plane.astype(np.float32) / np.float32(255)
    edge = np.clip(body - soften(body, 1.5 * context.unit), 0, 1)
    blotches = np.clip(0.75 + 0.15 * noise(rng, body.shape, 30 * context.unit, 3), 0.4, 1)
    alpha = np.clip(body * blotches * np.float32(rng.uniform(0.35, 0.7)) + 0.5 * edge, 0, 1).astype(np.float32)
    return [Layer(int(low[1]), int(low[0]), alpha, np.array([0.88, 0.76, 0.5], np.float32), "stain")]


def _background_colour(context: Context) -> Field:
    """Return the colour (3,) of the scanner's lid or of an album page."""
    if context.rng.random() < 0.6:
        return np.full(3, context.rng.uniform(0.93, 1.0), np.float32)
    return np.full(3, context.rng.uniform(0.02, 0.15), np.float32)
