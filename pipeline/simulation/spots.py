"""Draw damage in spots: dust, flaked emulsion, foxing, mould, ink, stains, water rings, fingerprints."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.simulation.context import Context
from pipeline.simulation.shapes import Field, Layer, Mode, blob, noise, soften, stroke, walk


def _layer_at(centre: NDArray[np.float64], alpha: Field, colour: Field, mode: Mode = "cover") -> Layer:
    half_rows, half_columns = alpha.shape[0] // 2, alpha.shape[1] // 2
    return Layer(int(centre[1]) - half_rows, int(centre[0]) - half_columns, alpha, colour, mode)


def dust(context: Context) -> list[Layer]:
    """Return specks from half a pixel to some pixels, single or in clusters."""
    rng, layers = context.rng, []
    if context.bank is not None and rng.random() < 0.5:
        for _ in range(context.count(1, 3)):
            drawn = context.bank.draw(
                "dust", rng, context.shape, context.unit, context.tone(), context.opacity(), context.magnification()
            )
            if drawn is not None:
                layers.append(drawn)
    cluster = context.random_point() if rng.random() < 0.4 else None
    for _ in range(context.count(6, 45)):
        centre = context.random_point()
        if cluster is not None and rng.random() < 0.7:
            centre = cluster + rng.normal(0, 0.1 * context.short, 2)
        radius = context.unit * float(np.clip(rng.lognormal(0.0, 0.6), 0.45, 6))
        alpha = blob(rng, radius, float(rng.uniform(0, 0.6)), 0.7 + context.softness, float(rng.uniform(1, 2.5)))
        layers.append(_layer_at(centre, alpha * np.float32(context.opacity()), context.tone()))
    return layers


def flake(context: Context) -> list[Layer]:
    """Return flaked emulsion: ragged islands of bare paper, with a thin shadow at one rim."""
    rng, layers = context.rng, []
    for _ in range(context.count(1, 3)):
        centre = context.random_point()
        spread = context.short * float(rng.uniform(0.02, 0.12))
        for _ in range(int(rng.integers(1, 9))):
            radius = context.short * float(np.clip(rng.lognormal(-4.0, 0.75), 0.004, 0.11))
            if context.variety > 0 and rng.random() < 0.2 * context.variety:  # the sheet was glued to another
                radius = context.short * float(rng.uniform(0.05, 0.2))
            alpha = blob(rng, radius, float(rng.uniform(0.4, 1.1)), 0.8 + context.softness, float(rng.uniform(1, 2.2)))
            where = centre + rng.normal(0, spread, 2)
            shift = max(1, round(context.unit))
            rim = np.clip(np.roll(alpha, (shift, shift), (0, 1)) - alpha, 0, 1) * np.float32(rng.uniform(0.2, 0.6))
            layers.append(_layer_at(where, rim, np.full(3, 0.08, np.float32)))
            layers.append(_layer_at(where, alpha * np.float32(context.opacity(0.8)), context.bare_paper(alpha.shape)))
    return layers


def foxing(context: Context) -> list[Layer]:
    """Return rust-brown spots with a darker centre, in clusters."""
    rng, layers = context.rng, []
    cluster = context.random_point()
    for _ in range(context.count(4, 22)):
        radius = context.unit * float(np.clip(rng.lognormal(0.9, 0.6), 1, 9))
        alpha = soften(blob(rng, radius, 0.5, radius * 0.7 + context.softness), 0.3 * radius)
        tint = np.array([0.62, 0.42, 0.24], np.float32) * np.float32(rng.uniform(0.75, 1.1))
        centre = cluster + rng.normal(0, 0.22 * context.short, 2) if rng.random() < 0.6 else context.random_point()
        layers.append(_layer_at(centre, alpha * np.float32(context.opacity(0.5)), tint, "stain"))
    return layers


def mould(context: Context) -> list[Layer]:
    """Return colonies: specks and threads around a centre, dark or pale."""
    rng, layers = context.rng, []
    for _ in range(context.count(1, 2)):
        centre, colour = context.random_point(), context.tone()
        spread = context.short * float(rng.uniform(0.02, 0.07))
        for _ in range(int(rng.integers(15, 50))):
            where = centre + rng.normal(0, spread, 2)
            radius = context.unit * float(np.clip(rng.lognormal(0.0, 0.5), 0.5, 4))
            alpha = blob(rng, radius, 0.6, 0.7 + context.softness)
            layers.append(_layer_at(where, alpha * np.float32(context.opacity(0.4)), colour))
        for _ in range(int(rng.integers(2, 7))):
            points = walk(rng, centre, rng.uniform(0, 2 * np.pi), 2 * spread, 3 * context.unit, 0.3)
            top, left, alpha = stroke(points, np.full(len(points), 0.7 * context.unit))
            layers.append(Layer(top, left, soften(alpha, context.softness) * np.float32(0.7), colour))
    return layers


def ink(context: Context) -> list[Layer]:
    """Return pen strokes or a blot in blue-black, black, red or violet."""
    rng, layers = context.rng, []
    colours = ((0.08, 0.09, 0.22), (0.05, 0.05, 0.06), (0.35, 0.06, 0.10), (0.25, 0.10, 0.35))
    colour = np.array(colours[int(rng.integers(4))], np.float32)
    if rng.random() < 0.5:
        alpha = blob(rng, context.short * float(rng.uniform(0.008, 0.035)), 0.5, 1.2 + context.softness)
        return [_layer_at(context.random_point(), alpha * np.float32(context.opacity(0.75)), colour)]
    start = context.random_point()
    for _ in range(int(rng.integers(1, 5))):
        length = context.short * float(rng.uniform(0.05, 0.2))
        points = walk(rng, start, rng.uniform(0, 2 * np.pi), length, 3 * context.unit, 0.2, 0.12)
        widths = context.unit * rng.uniform(1, 2.2) * np.clip(1 + 0.25 * rng.standard_normal(len(points)), 0.5, 1.6)
        top, left, alpha = stroke(points, widths)
        layers.append(Layer(top, left, soften(alpha, context.softness) * np.float32(0.9), colour))
        start = points[-1] + rng.normal(0, 6 * context.unit, 2)
    return layers


def stain(context: Context) -> list[Layer]:
    """Return a transparent brown stain with a tide line at its rim."""
    rng = context.rng
    radius = context.short * float(rng.uniform(0.05, 0.18))
    body = blob(rng, radius, 0.6, 0.05 * radius + 1, float(rng.uniform(1, 1.8)))
    rim = np.clip(soften(body, max(1.0, 0.03 * radius)) * (1 - body) * 3, 0, 1)
    tint = np.array([0.78, 0.62, 0.42], np.float32)
    alpha = np.clip(body * np.float32(rng.uniform(0.2, 0.6)) + rim * np.float32(rng.uniform(0.1, 0.5)), 0, 1)
    return [_layer_at(context.random_point(), alpha.astype(np.float32), tint, "stain")]


def water_ring(context: Context) -> list[Layer]:
    """Return the ring of a wet glass."""
    rng = context.rng
    radius = context.short * float(rng.uniform(0.08, 0.22))
    half = int(radius * 1.3) + 3
    ys, xs = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float32)
    distance = np.hypot(xs, ys) * (1 + 0.02 * noise(rng, (2 * half + 1, 2 * half + 1), radius, 2))
    width = context.unit * float(rng.uniform(1.5, 4))
    alpha = np.exp(-(((distance - radius) / width) ** 2)) * np.clip(noise(rng, xs.shape, radius, 2) + 0.9, 0, 1)
    tint = np.array([0.7, 0.55, 0.38], np.float32)
    return [_layer_at(context.random_point(), (alpha * rng.uniform(0.3, 0.7)).astype(np.float32), tint, "stain")]


def fingerprint(context: Context) -> list[Layer]:
    """Return faint whorled ridges in an oval."""
    rng = context.rng
    half = int(context.short * float(rng.uniform(0.05, 0.1))) + 3
    ys, xs = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float32) / half
    warp = noise(rng, xs.shape, half, 2)
    ridges = np.sin(np.hypot(xs * 1.3, ys + 0.2) * half / max(1.0, 0.9 * context.unit) + 2.2 * warp)
    oval = np.clip(1.6 * (1 - np.hypot(xs * 1.25, ys)), 0, 1)
    alpha = np.clip(ridges, 0, 1) * oval * np.clip(0.8 + 0.5 * noise(rng, xs.shape, half / 3, 2), 0, 1)
    alpha = cv2.GaussianBlur(alpha.astype(np.float32), (0, 0), 0.5 + context.softness)
    return [_layer_at(context.random_point(), alpha * np.float32(rng.uniform(0.15, 0.4)), context.tone())]
