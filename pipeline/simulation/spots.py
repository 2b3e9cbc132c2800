"""Damage that lies: dust, flaked emulsion, foxing, mould, ink, stains, water rings, fingerprints."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.simulation.context import Context
from pipeline.simulation.shapes import Field, Layer, Mode, blob, noise, soften, stroke, walk


def _at(centre: NDArray[np.float64], alpha: Field, colour: Field, mode: Mode = "cover") -> Layer:
    half_rows, half_columns = alpha.shape[0] // 2, alpha.shape[1] // 2
    return Layer(int(centre[1]) - half_rows, int(centre[0]) - half_columns, alpha, colour, mode)


def dust(scene: Context) -> list[Layer]:
    """Specks from half a pixel to some pixels, loose or in drifts."""
    rng, layers = scene.rng, []
    if scene.bank is not None and rng.random() < 0.5:
        for _ in range(scene.count(1, 3)):
            drawn = scene.bank.draw(
                "dust", rng, scene.shape, scene.unit, scene.tone(), scene.opacity(), scene.magnified()
            )
            if drawn is not None:
                layers.append(drawn)
    drift = scene.place() if rng.random() < 0.4 else None
    for _ in range(scene.count(6, 45)):
        centre = scene.place()
        if drift is not None and rng.random() < 0.7:
            centre = drift + rng.normal(0, 0.1 * scene.short, 2)
        radius = scene.unit * float(np.clip(rng.lognormal(0.0, 0.6), 0.45, 6))
        alpha = blob(rng, radius, float(rng.uniform(0, 0.6)), 0.7 + scene.softness, float(rng.uniform(1, 2.5)))
        layers.append(_at(centre, alpha * np.float32(scene.opacity()), scene.tone()))
    return layers


def flake(scene: Context) -> list[Layer]:
    """Emulsion fallen off in scales: ragged islands of bare paper, with a thin shadow at one rim."""
    rng, layers = scene.rng, []
    for _ in range(scene.count(1, 3)):
        centre = scene.place()
        spread = scene.short * float(rng.uniform(0.02, 0.12))
        for _ in range(int(rng.integers(1, 9))):
            radius = scene.short * float(np.clip(rng.lognormal(-4.0, 0.75), 0.004, 0.11))
            if scene.variety > 0 and rng.random() < 0.2 * scene.variety:  # the sheet was glued to another
                radius = scene.short * float(rng.uniform(0.05, 0.2))
            alpha = blob(rng, radius, float(rng.uniform(0.4, 1.1)), 0.8 + scene.softness, float(rng.uniform(1, 2.2)))
            where = centre + rng.normal(0, spread, 2)
            shift = max(1, round(scene.unit))
            rim = np.clip(np.roll(alpha, (shift, shift), (0, 1)) - alpha, 0, 1) * np.float32(rng.uniform(0.2, 0.6))
            layers.append(_at(where, rim, np.full(3, 0.08, np.float32)))
            layers.append(_at(where, alpha * np.float32(scene.opacity(0.8)), scene.bare(alpha.shape)))
    return layers


def foxing(scene: Context) -> list[Layer]:
    """Rust-brown spots with a darker heart, in swarms."""
    rng, layers = scene.rng, []
    swarm = scene.place()
    for _ in range(scene.count(4, 22)):
        radius = scene.unit * float(np.clip(rng.lognormal(0.9, 0.6), 1, 9))
        alpha = soften(blob(rng, radius, 0.5, radius * 0.7 + scene.softness), 0.3 * radius)
        tint = np.array([0.62, 0.42, 0.24], np.float32) * np.float32(rng.uniform(0.75, 1.1))
        centre = swarm + rng.normal(0, 0.22 * scene.short, 2) if rng.random() < 0.6 else scene.place()
        layers.append(_at(centre, alpha * np.float32(scene.opacity(0.5)), tint, "stain"))
    return layers


def mould(scene: Context) -> list[Layer]:
    """Colonies: a crowd of specks and threads around a centre, dark or pale."""
    rng, layers = scene.rng, []
    for _ in range(scene.count(1, 2)):
        centre, colour = scene.place(), scene.tone()
        spread = scene.short * float(rng.uniform(0.02, 0.07))
        for _ in range(int(rng.integers(15, 50))):
            where = centre + rng.normal(0, spread, 2)
            radius = scene.unit * float(np.clip(rng.lognormal(0.0, 0.5), 0.5, 4))
            alpha = blob(rng, radius, 0.6, 0.7 + scene.softness)
            layers.append(_at(where, alpha * np.float32(scene.opacity(0.4)), colour))
        for _ in range(int(rng.integers(2, 7))):
            points = walk(rng, centre, rng.uniform(0, 2 * np.pi), 2 * spread, 3 * scene.unit, 0.3)
            top, left, alpha = stroke(points, np.full(len(points), 0.7 * scene.unit))
            layers.append(Layer(top, left, soften(alpha, scene.softness) * np.float32(0.7), colour))
    return layers


def ink(scene: Context) -> list[Layer]:
    """A pen's strokes or a blot in blue-black, red or violet."""
    rng, layers = scene.rng, []
    colours = ((0.08, 0.09, 0.22), (0.05, 0.05, 0.06), (0.35, 0.06, 0.10), (0.25, 0.10, 0.35))
    colour = np.array(colours[int(rng.integers(4))], np.float32)
    if rng.random() < 0.5:
        alpha = blob(rng, scene.short * float(rng.uniform(0.008, 0.035)), 0.5, 1.2 + scene.softness)
        return [_at(scene.place(), alpha * np.float32(scene.opacity(0.75)), colour)]
    start = scene.place()
    for _ in range(int(rng.integers(1, 5))):
        length = scene.short * float(rng.uniform(0.05, 0.2))
        points = walk(rng, start, rng.uniform(0, 2 * np.pi), length, 3 * scene.unit, 0.2, 0.12)
        widths = scene.unit * rng.uniform(1, 2.2) * np.clip(1 + 0.25 * rng.standard_normal(len(points)), 0.5, 1.6)
        top, left, alpha = stroke(points, widths)
        layers.append(Layer(top, left, soften(alpha, scene.softness) * np.float32(0.9), colour))
        start = points[-1] + rng.normal(0, 6 * scene.unit, 2)
    return layers


def stain(scene: Context) -> list[Layer]:
    """A see-through brown stain with a tide line at its rim."""
    rng = scene.rng
    radius = scene.short * float(rng.uniform(0.05, 0.18))
    body = blob(rng, radius, 0.6, 0.05 * radius + 1, float(rng.uniform(1, 1.8)))
    rim = np.clip(soften(body, max(1.0, 0.03 * radius)) * (1 - body) * 3, 0, 1)
    tint = np.array([0.78, 0.62, 0.42], np.float32)
    alpha = np.clip(body * np.float32(rng.uniform(0.2, 0.6)) + rim * np.float32(rng.uniform(0.1, 0.5)), 0, 1)
    return [_at(scene.place(), alpha.astype(np.float32), tint, "stain")]


def water_ring(scene: Context) -> list[Layer]:
    """The ring that a wet glass leaves."""
    rng = scene.rng
    radius = scene.short * float(rng.uniform(0.08, 0.22))
    half = int(radius * 1.3) + 3
    ys, xs = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float32)
    distance = np.hypot(xs, ys) * (1 + 0.02 * noise(rng, (2 * half + 1, 2 * half + 1), radius, 2))
    width = scene.unit * float(rng.uniform(1.5, 4))
    alpha = np.exp(-(((distance - radius) / width) ** 2)) * np.clip(noise(rng, xs.shape, radius, 2) + 0.9, 0, 1)
    tint = np.array([0.7, 0.55, 0.38], np.float32)
    return [_at(scene.place(), (alpha * rng.uniform(0.3, 0.7)).astype(np.float32), tint, "stain")]


def fingerprint(scene: Context) -> list[Layer]:
    """Faint whorled ridges in an oval."""
    rng = scene.rng
    half = int(scene.short * float(rng.uniform(0.05, 0.1))) + 3
    ys, xs = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float32) / half
    warp = noise(rng, xs.shape, half, 2)
    ridges = np.sin(np.hypot(xs * 1.3, ys + 0.2) * half / max(1.0, 0.9 * scene.unit) + 2.2 * warp)
    oval = np.clip(1.6 * (1 - np.hypot(xs * 1.25, ys)), 0, 1)
    alpha = np.clip(ridges, 0, 1) * oval * np.clip(0.8 + 0.5 * noise(rng, xs.shape, half / 3, 2), 0, 1)
    alpha = cv2.GaussianBlur(alpha.astype(np.float32), (0, 0), 0.5 + scene.softness)
    return [_at(scene.place(), alpha * np.float32(rng.uniform(0.15, 0.4)), scene.tone())]
