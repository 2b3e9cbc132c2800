"""Draw damage along lines: hairs, lint, scratches, cracks, creases."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.simulation.context import Context
from pipeline.simulation.shapes import Field, Layer, blob, noise, soften, stroke, walk

Points = NDArray[np.float64]


@dataclass(frozen=True)
class _LineStyle:
    """How a line is drawn: a factor of its usual width, its opacity, its blur in widths."""

    broad: float
    opacity: float
    blur: float


def _draw_style(context: Context, least: float = 0.45) -> _LineStyle:
    """Return a style: usually fine and opaque, at least `least`; with variety sometimes broad and faint.

    A fibre on the glass of the printing frame, out of focus, or a roller's track in the gelatine looks like that.
    """
    rng = context.rng
    if context.variety == 0 or rng.random() >= 0.8 * context.variety:
        return _LineStyle(1.0, context.opacity(least), 0.0)
    broad, blurred = float(np.exp(rng.uniform(0, np.log(10.0)))), rng.random() < 0.5
    return _LineStyle(broad, float(rng.uniform(0.15, 0.9)), float(rng.uniform(0, 0.35)) if blurred else 0.0)


def _line_layer(
    context: Context, points: Points, widths: NDArray[np.float64], colour: Field, style: _LineStyle
) -> Layer:
    widths = widths * style.broad
    softness = max(context.softness, style.blur * float(np.median(widths)))
    top, left, alpha = stroke(points, widths, margin=int(3 + 2 * softness))
    if context.variety > 0 and context.rng.random() < 0.3 * context.variety:  # faint in places
        alpha = alpha * context.wear(alpha.shape, 60)
    return Layer(top, left, soften(alpha, softness) * np.float32(style.opacity), colour)


def _split_into_dashes(context: Context, points: Points) -> list[Points]:
    """Return the path whole; with variety sometimes split into dashes of one length."""
    rng = context.rng
    if context.variety == 0 or rng.random() >= 0.2 * context.variety:
        return [points]
    dash, gap = int(rng.integers(2, 7)), int(rng.integers(1, 4))
    return [run for at in range(0, len(points), dash + gap) if len(run := points[at : at + dash]) > 1] or [points]


def hair(context: Context) -> list[Layer]:
    """Return curled hairs and fibres, a pixel or two wide."""
    rng, layers = context.rng, []
    for _ in range(context.count(1, 5)):
        colour, style = context.tone(), _draw_style(context)
        if context.bank is not None and rng.random() < 0.6:
            drawn = context.bank.draw("hair", rng, context.shape, context.unit, colour, style.opacity, style.broad)
            if drawn is not None:
                layers.append(drawn)
                continue
        length = context.unit * float(rng.uniform(30, 220))
        bend, drift = float(rng.uniform(0.01, 0.08)), float(rng.uniform(0.005, 0.06))
        points = walk(rng, context.random_point(), rng.uniform(0, 2 * np.pi), length, 4 * context.unit, bend, drift)
        width = context.unit * float(rng.uniform(0.7, 2.2))
        taper = np.minimum(1.0, 0.5 + 3 * np.minimum(np.linspace(0, 1, len(points)), np.linspace(1, 0, len(points))))
        layers.append(_line_layer(context, points, width * taper, colour, style))
    return layers


def lint(context: Context) -> list[Layer]:
    """Return short crumpled fibres, often several in one spot."""
    rng, layers = context.rng, []
    for _ in range(context.count(1, 4)):
        centre, colour, style = context.random_point(), context.tone(), _draw_style(context)
        if context.bank is not None and rng.random() < 0.6:
            drawn = context.bank.draw("lint", rng, context.shape, context.unit, colour, style.opacity, style.broad)
            if drawn is not None:
                layers.append(drawn)
                continue
        for _ in range(int(rng.integers(1, 5))):
            start = centre + rng.normal(0, 8 * context.unit, 2)
            length = context.unit * float(rng.uniform(10, 60))
            points = walk(rng, start, rng.uniform(0, 2 * np.pi), length, 2.5 * context.unit, 0.25, 0.1)
            widths = np.full(len(points), context.unit * float(rng.uniform(0.6, 1.5)))
            layers.append(_line_layer(context, points, widths, colour, style))
    return layers


def scratch(context: Context) -> list[Layer]:
    """Return long, almost straight scratches with gaps; some in bundles, some across the whole picture."""
    rng, layers = context.rng, []
    along = float(rng.choice([0.0, np.pi / 2, rng.uniform(0, np.pi)]))
    for _ in range(context.count(1, 4)):
        if context.bank is not None and rng.random() < 0.3:
            drawn = context.bank.draw(
                "scratch", rng, context.shape, context.unit, context.tone(), context.opacity(), context.magnification()
            )
            if drawn is not None:
                layers.append(drawn)
                continue
        angle = along + rng.normal(0, 0.05) if rng.random() < 0.5 else rng.uniform(0, np.pi)
        length = float(rng.uniform(0.08, 0.5) if rng.random() < 0.7 else rng.uniform(0.8, 2.2)) * max(context.shape)
        middle = context.random_point()
        colour, style = context.tone(), _draw_style(context, 0.4)
        width = context.unit * float(rng.choice([0.6, 0.8, 1.0, 1.3, 1.8, 2.6]) * rng.uniform(0.8, 1.2))
        strands = 1 if rng.random() < 0.7 else int(rng.integers(2, 7))
        for _ in range(strands):
            start = middle + rng.normal(0, 6 * context.unit * (strands > 1), 2)
            start = start - length / 2 * np.array([np.cos(angle), np.sin(angle)])
            points = walk(rng, start, angle, length, 10 * context.unit, 0.008, 0.0005)
            worn = noise(rng, (1, len(points)), 12.0, 2)[0].astype(np.float64)
            widths = width * np.clip(1 + 0.35 * worn, 0.4, 1.8)
            jumps = rng.random() < 0.5  # what scratched the film skipped
            for run in _split_into_dashes(context, points):
                layer = _line_layer(context, run, widths[: len(run)], colour, style)
                if jumps:
                    gaps = noise(rng, layer.alpha.shape, 25 * context.unit, 2) + float(rng.uniform(0.0, 1.2))
                    layer = Layer(layer.top, layer.left, layer.alpha * np.clip(gaps * 2, 0, 1), colour)
                layers.append(layer)
    return layers


def crack(context: Context) -> list[Layer]:
    """Return branching cracks of the emulsion, jagged, wider where they meet."""
    rng, layers = context.rng, []
    bright = rng.random() < max(0.8, context.bright)
    colour = context.paper if bright else np.full(3, rng.uniform(0.02, 0.2), np.float32)
    # Dirt fills old cracks, and handling rounds their edges.
    worn = context.variety > 0 and rng.random() < 0.6 * context.variety
    style = _LineStyle(1.0, context.opacity(0.25 if worn else 0.6), 0.0)
    blur = context.unit * float(rng.uniform(0.2, 1.6)) if worn else 0.0
    depth_most = 3 if worn and rng.random() < 0.4 else 2
    broad = float(rng.uniform(1, 3)) if worn else 1.0

    def branch(start: Points, angle: float, length: float, width: float, depth: int) -> None:
        step = context.unit * float(rng.uniform(4, 9))
        points = walk(rng, start, angle, length, step, 0.28, 0.01)
        taper = np.linspace(1, 0.45, len(points)) * np.clip(1 + 0.3 * rng.standard_normal(len(points)), 0.5, 1.7)
        line = _line_layer(context, points, np.maximum(width * taper, 0.5), colour, style)
        layers.append(replace(line, alpha=soften(line.alpha, blur)))
        if depth == 0:
            return
        for _ in range(int(rng.integers(0, 4))):
            at = int(rng.integers(len(points)))
            heading = angle + float(rng.choice([-1, 1]) * rng.uniform(0.4, 1.4))
            branch(points[at], heading, length * float(rng.uniform(0.25, 0.7)), width * 0.7, depth - 1)

    for _ in range(context.count(1, 3)):
        length = context.short * float(rng.uniform(0.15, 0.9))
        start, angle = context.random_point(), rng.uniform(0, 2 * np.pi)
        width = context.unit * float(rng.uniform(0.8, 3.2))
        branch(start, angle, length, width * broad, depth_most)
    return layers


def crease(context: Context) -> list[Layer]:
    """Return folds from edge to edge: light on one side, shade on the other, emulsion broken along the ridge."""
    rng, layers = context.rng, []
    for _ in range(1 if context.severity < 1.5 else int(rng.integers(1, 3))):
        angle = float(rng.choice([0, np.pi / 2]) + rng.normal(0, 0.08) if rng.random() < 0.6 else rng.uniform(0, np.pi))
        reach = 0.75 * float(np.hypot(*context.shape)) * float(rng.choice([0.3, 0.6, 1.0]))
        start = context.random_point() - reach * np.array([np.cos(angle), np.sin(angle)])
        points = walk(rng, start, angle, 2 * reach, 14 * context.unit, 0.012, 0.0006)
        width = context.unit * float(rng.uniform(3, 8))
        top, left, band = stroke(points, np.full(len(points), width), margin=int(3 * width) + 3)
        soft = cv2.GaussianBlur(band, (0, 0), width * 0.5)
        # The slope of a soft ridge, lit from one side, is light and then shade.
        across = np.array([-np.sin(angle), np.cos(angle)], np.float32)
        slope = cv2.Sobel(soft, cv2.CV_32F, 1, 0) * across[0] + cv2.Sobel(soft, cv2.CV_32F, 0, 1) * across[1]
        slope /= max(float(np.abs(slope).max()), 1e-6)
        strength = float(rng.uniform(0.05, 0.2) * rng.choice([-1, 1]))
        layers.append(Layer(top, left, slope * np.float32(strength), np.ones(3, np.float32), "shade"))
        core_width = np.maximum(
            0.5, context.unit * rng.uniform(0.6, 2.4) * np.clip(1 + 0.5 * rng.standard_normal(len(points)), 0.3, 2)
        )
        top, left, core = stroke(points, core_width, margin=4)
        worn = noise(rng, core.shape, 18 * context.unit, 3) + float(rng.uniform(-0.3, 1.0))
        alpha = soften(core * np.clip(worn * 2, 0, 1), context.softness) * np.float32(context.opacity(0.6))
        layers.append(Layer(top, left, alpha, context.paper))
        for _ in range(int(rng.integers(0, 9))):
            at = points[int(rng.integers(len(points)))] + rng.normal(0, 1.5 * context.unit, 2)
            chip = blob(
                rng, context.unit * float(rng.uniform(1, 4)), 0.7, 0.8 + context.softness, float(rng.uniform(1, 2.5))
            )
            half = chip.shape[0] // 2
            layers.append(Layer(int(at[1]) - half, int(at[0]) - half, chip, context.paper))
    return layers
