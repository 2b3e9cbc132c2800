"""Damage that runs: hairs, lint, scratches, cracks, creases."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.simulation.context import Context
from pipeline.simulation.shapes import Field, Layer, blob, noise, soften, stroke, walk

Points = NDArray[np.float64]


@dataclass(frozen=True)
class _Manner:
    """How a line is drawn: how many times its usual width, how opaque, its blur in widths."""

    broad: float
    opacity: float
    blur: float


def _manner(scene: Context, least: float = 0.45) -> _Manner:
    """As usual, fine and mostly opaque, of at least the opacity ``least``; with variety now and then broad and faint.

    A fibre on the glass of the printing frame, out of focus, or a roller's track in the gelatine looks so.
    """
    rng = scene.rng
    if scene.variety == 0 or rng.random() >= 0.8 * scene.variety:
        return _Manner(1.0, scene.opacity(least), 0.0)
    broad, blurred = float(np.exp(rng.uniform(0, np.log(10.0)))), rng.random() < 0.5
    return _Manner(broad, float(rng.uniform(0.15, 0.9)), float(rng.uniform(0, 0.35)) if blurred else 0.0)


def _line(scene: Context, points: Points, widths: NDArray[np.float64], colour: Field, manner: _Manner) -> Layer:
    widths = widths * manner.broad
    softness = max(scene.softness, manner.blur * float(np.median(widths)))
    top, left, alpha = stroke(points, widths, margin=int(3 + 2 * softness))
    if scene.variety > 0 and scene.rng.random() < 0.3 * scene.variety:  # it comes and goes along its way
        alpha = alpha * scene.uneven(alpha.shape, 60)
    return Layer(top, left, soften(alpha, softness) * np.float32(manner.opacity), colour)


def _runs(scene: Context, points: Points) -> list[Points]:
    """The path in one piece; with variety now and then in dashes of one length."""
    rng = scene.rng
    if scene.variety == 0 or rng.random() >= 0.2 * scene.variety:
        return [points]
    dash, gap = int(rng.integers(2, 7)), int(rng.integers(1, 4))
    return [run for at in range(0, len(points), dash + gap) if len(run := points[at : at + dash]) > 1] or [points]


def hair(scene: Context) -> list[Layer]:
    """Curled hairs and fibres, a pixel or two wide."""
    rng, layers = scene.rng, []
    for _ in range(scene.count(1, 5)):
        colour, manner = scene.tone(), _manner(scene)
        if scene.bank is not None and rng.random() < 0.6:
            drawn = scene.bank.draw("hair", rng, scene.shape, scene.unit, colour, manner.opacity, manner.broad)
            if drawn is not None:
                layers.append(drawn)
                continue
        length = scene.unit * float(rng.uniform(30, 220))
        bend, drift = float(rng.uniform(0.01, 0.08)), float(rng.uniform(0.005, 0.06))
        points = walk(rng, scene.place(), rng.uniform(0, 2 * np.pi), length, 4 * scene.unit, bend, drift)
        width = scene.unit * float(rng.uniform(0.7, 2.2))
        taper = np.minimum(1.0, 0.5 + 3 * np.minimum(np.linspace(0, 1, len(points)), np.linspace(1, 0, len(points))))
        layers.append(_line(scene, points, width * taper, colour, manner))
    return layers


def lint(scene: Context) -> list[Layer]:
    """Short crumpled fibres, often several on one spot."""
    rng, layers = scene.rng, []
    for _ in range(scene.count(1, 4)):
        centre, colour, manner = scene.place(), scene.tone(), _manner(scene)
        if scene.bank is not None and rng.random() < 0.6:
            drawn = scene.bank.draw("lint", rng, scene.shape, scene.unit, colour, manner.opacity, manner.broad)
            if drawn is not None:
                layers.append(drawn)
                continue
        for _ in range(int(rng.integers(1, 5))):
            start = centre + rng.normal(0, 8 * scene.unit, 2)
            length = scene.unit * float(rng.uniform(10, 60))
            points = walk(rng, start, rng.uniform(0, 2 * np.pi), length, 2.5 * scene.unit, 0.25, 0.1)
            widths = np.full(len(points), scene.unit * float(rng.uniform(0.6, 1.5)))
            layers.append(_line(scene, points, widths, colour, manner))
    return layers


def scratch(scene: Context) -> list[Layer]:
    """Long, almost straight scratches, broken here and there; some come in bundles, some cross the whole picture."""
    rng, layers = scene.rng, []
    along = float(rng.choice([0.0, np.pi / 2, rng.uniform(0, np.pi)]))
    for _ in range(scene.count(1, 4)):
        if scene.bank is not None and rng.random() < 0.3:
            drawn = scene.bank.draw(
                "scratch", rng, scene.shape, scene.unit, scene.tone(), scene.opacity(), scene.magnified()
            )
            if drawn is not None:
                layers.append(drawn)
                continue
        angle = along + rng.normal(0, 0.05) if rng.random() < 0.5 else rng.uniform(0, np.pi)
        length = float(rng.uniform(0.08, 0.5) if rng.random() < 0.7 else rng.uniform(0.8, 2.2)) * max(scene.shape)
        middle = scene.place()
        colour, manner = scene.tone(), _manner(scene, 0.4)
        width = scene.unit * float(rng.choice([0.6, 0.8, 1.0, 1.3, 1.8, 2.6]) * rng.uniform(0.8, 1.2))
        strands = 1 if rng.random() < 0.7 else int(rng.integers(2, 7))
        for _ in range(strands):
            start = middle + rng.normal(0, 6 * scene.unit * (strands > 1), 2)
            start = start - length / 2 * np.array([np.cos(angle), np.sin(angle)])
            points = walk(rng, start, angle, length, 10 * scene.unit, 0.008, 0.0005)
            worn = noise(rng, (1, len(points)), 12.0, 2)[0].astype(np.float64)
            widths = width * np.clip(1 + 0.35 * worn, 0.4, 1.8)
            jumps = rng.random() < 0.5  # the needle
            for run in _runs(scene, points):
                layer = _line(scene, run, widths[: len(run)], colour, manner)
                if jumps:
                    gaps = noise(rng, layer.alpha.shape, 25 * scene.unit, 2) + float(rng.uniform(0.0, 1.2))
                    layer = Layer(layer.top, layer.left, layer.alpha * np.clip(gaps * 2, 0, 1), colour)
                layers.append(layer)
    return layers


def crack(scene: Context) -> list[Layer]:
    """Branching cracks of the emulsion, jagged, wider where they meet."""
    rng, layers = scene.rng, []
    bright = rng.random() < max(0.8, scene.bright)
    colour = scene.paper if bright else np.full(3, rng.uniform(0.02, 0.2), np.float32)
    worn = scene.variety > 0 and rng.random() < 0.6 * scene.variety  # dirt fills old cracks, handling rounds them
    manner = _Manner(1.0, scene.opacity(0.25 if worn else 0.6), 0.0)
    blur = scene.unit * float(rng.uniform(0.2, 1.6)) if worn else 0.0
    depth_most = 3 if worn and rng.random() < 0.4 else 2
    broad = float(rng.uniform(1, 3)) if worn else 1.0

    def grow(start: Points, angle: float, length: float, width: float, depth: int) -> None:
        step = scene.unit * float(rng.uniform(4, 9))
        points = walk(rng, start, angle, length, step, 0.28, 0.01)
        taper = np.linspace(1, 0.45, len(points)) * np.clip(1 + 0.3 * rng.standard_normal(len(points)), 0.5, 1.7)
        line = _line(scene, points, np.maximum(width * taper, 0.5), colour, manner)
        layers.append(replace(line, alpha=soften(line.alpha, blur)))
        if depth == 0:
            return
        for _ in range(int(rng.integers(0, 4))):
            at = int(rng.integers(len(points)))
            heading = angle + float(rng.choice([-1, 1]) * rng.uniform(0.4, 1.4))
            grow(points[at], heading, length * float(rng.uniform(0.25, 0.7)), width * 0.7, depth - 1)

    for _ in range(scene.count(1, 3)):
        length = scene.short * float(rng.uniform(0.15, 0.9))
        start, angle, width = scene.place(), rng.uniform(0, 2 * np.pi), scene.unit * float(rng.uniform(0.8, 3.2))
        grow(start, angle, length, width * broad, depth_most)
    return layers


def crease(scene: Context) -> list[Layer]:
    """A fold from edge to edge: light on one side, shade on the other, emulsion broken along its ridge."""
    rng, layers = scene.rng, []
    for _ in range(1 if scene.severity < 1.5 else int(rng.integers(1, 3))):
        angle = float(rng.choice([0, np.pi / 2]) + rng.normal(0, 0.08) if rng.random() < 0.6 else rng.uniform(0, np.pi))
        reach = 0.75 * float(np.hypot(*scene.shape)) * float(rng.choice([0.3, 0.6, 1.0]))
        start = scene.place() - reach * np.array([np.cos(angle), np.sin(angle)])
        points = walk(rng, start, angle, 2 * reach, 14 * scene.unit, 0.012, 0.0006)
        width = scene.unit * float(rng.uniform(3, 8))
        top, left, band = stroke(points, np.full(len(points), width), margin=int(3 * width) + 3)
        soft = cv2.GaussianBlur(band, (0, 0), width * 0.5)
        # The slope of a soft ridge, seen from one side, is light and then shade.
        across = np.array([-np.sin(angle), np.cos(angle)], np.float32)
        slope = cv2.Sobel(soft, cv2.CV_32F, 1, 0) * across[0] + cv2.Sobel(soft, cv2.CV_32F, 0, 1) * across[1]
        slope /= max(float(np.abs(slope).max()), 1e-6)
        strength = float(rng.uniform(0.05, 0.2) * rng.choice([-1, 1]))
        layers.append(Layer(top, left, slope * np.float32(strength), np.ones(3, np.float32), "shade"))
        core_width = np.maximum(
            0.5, scene.unit * rng.uniform(0.6, 2.4) * np.clip(1 + 0.5 * rng.standard_normal(len(points)), 0.3, 2)
        )
        top, left, core = stroke(points, core_width, margin=4)
        worn = noise(rng, core.shape, 18 * scene.unit, 3) + float(rng.uniform(-0.3, 1.0))
        alpha = soften(core * np.clip(worn * 2, 0, 1), scene.softness) * np.float32(scene.opacity(0.6))
        layers.append(Layer(top, left, alpha, scene.paper))
        for _ in range(int(rng.integers(0, 9))):
            at = points[int(rng.integers(len(points)))] + rng.normal(0, 1.5 * scene.unit, 2)
            chip = blob(
                rng, scene.unit * float(rng.uniform(1, 4)), 0.7, 0.8 + scene.softness, float(rng.uniform(1, 2.5))
            )
            half = chip.shape[0] // 2
            layers.append(Layer(int(at[1]) - half, int(at[0]) - half, chip, scene.paper))
    return layers
