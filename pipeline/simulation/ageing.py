"""Age a whole picture: fading, yellowing, sepia, uneven light, grain, halftone dots. None of it counts as damage."""

from __future__ import annotations

import numpy as np

from pipeline.simulation.shapes import Field, noise, soften


def age(picture: Field, rng: np.random.Generator, strength: float, unit: float, *, colour: bool) -> Field:
    """Return an aged copy of a picture (H,W,3) in 0..1.

    Args:
        picture: the picture as it was.
        rng: source of every random draw.
        strength: 0 for none, 1 for a typical album.
        unit: pixels of one unit of size, see `simulate`.
        colour: whether the result may take on a tint; False keeps grey pictures grey.
    """
    if strength <= 0:
        return picture.copy()
    aged: Field = picture.copy()
    if colour and rng.random() < 0.4 * min(1.0, strength):
        aged = _tone_print(aged, rng)
    elif colour:
        cast = 1 + rng.normal(0, 0.04, 3) * strength * np.array([0.5, 0.4, 1.2])
        aged *= np.clip(cast, 0.7, 1.15).astype(np.float32)
        keep = np.float32(1 - rng.uniform(0, 0.5) * min(1.0, strength))
        grey = aged.mean(axis=2, keepdims=True)
        aged = grey + (aged - grey) * keep
    lift, loss = rng.uniform(0, 0.16) * strength, rng.uniform(0, 0.14) * strength
    aged = np.float32(lift) + aged * np.float32(max(0.4, 1 - lift - loss))
    if rng.random() < 0.6:
        light = noise(rng, aged.shape[:2], max(aged.shape[:2]) * 0.8, 2)
        aged *= (1 + np.float32(0.05 * strength) * np.clip(light, -2, 2))[:, :, None]
    if rng.random() < 0.3:
        aged = soften(aged, float(rng.uniform(0.4, 0.8) * max(1.0, unit * 0.7)))
    faded: Field = np.clip(aged, 0, 1).astype(np.float32, copy=False)
    return faded


def add_grain(
    picture: Field, rng: np.random.Generator, sigma: float, unit: float, *, coarse: float = 0.0, dyed: bool = False
) -> Field:
    """Return the picture with film grain of standard deviation `sigma`, clipped to 0..1.

    Its size follows the scan's scale, and it is weaker in the deepest shades and lights, as in an emulsion.

    Args:
        picture: (H,W,3) in 0..1.
        rng: source of every random draw.
        sigma: 0 for none.
        unit: pixels of one unit of size, see `simulate`.
        coarse: blur in pixels beyond the usual: fast film, or a small negative enlarged.
        dyed: each channel has its own grain, as in colour film or a noisy sensor.
    """
    if sigma <= 0:
        return picture
    grain = rng.standard_normal((*picture.shape[:2], 3 if dyed else 1), dtype=np.float32)
    blur = (0.35 * unit if unit > 1.2 else float(rng.uniform(0, 0.6))) + coarse
    if blur > 0.25:
        grain = soften(grain, blur).reshape(grain.shape)
        grain /= max(float(grain.std()), 1e-6)
    tone = picture.mean(axis=2, keepdims=True)
    grain *= np.float32(sigma) * (0.5 + 2 * tone * (1 - tone))
    grainy: Field = np.clip(picture + grain, 0, 1).astype(np.float32, copy=False)
    return grainy


def halftone(picture: Field, rng: np.random.Generator, unit: float) -> Field:
    """Return the picture (H,W,3) in 0..1 as a halftone print, in black ink or with one screen per colour.

    Dots grow with darkness (a cosine spot function whose threshold is softened by half a pixel, as a scan does). They
    are four to seven pixels apart at about 512 px, and larger on larger scans. They belong to the picture as printed
    and are not damage.

    Args:
        picture: the picture as it was.
        rng: source of every random draw.
        unit: pixels of one unit of size, see `simulate`.
    """
    pitch = float(rng.uniform(4.0, 7.0)) * max(1.0, unit)
    rows, columns = np.indices(picture.shape[:2], dtype=np.float32)
    angles = np.deg2rad([45.0] if rng.random() < 0.7 else [15.0, 45.0, 75.0])
    ink, paper = np.float32(rng.uniform(0.04, 0.16)), np.float32(rng.uniform(0.9, 0.98))
    grey = picture.mean(axis=2, keepdims=True)
    planes = np.broadcast_to(grey, picture.shape) if len(angles) == 1 else picture
    printed = np.empty_like(picture)
    for channel in range(3):
        angle = angles[min(channel, len(angles) - 1)]
        across = (columns * np.cos(angle) + rows * np.sin(angle)) * np.float32(2 * np.pi / pitch)
        down = (rows * np.cos(angle) - columns * np.sin(angle)) * np.float32(2 * np.pi / pitch)
        screen = 0.5 + 0.25 * (np.cos(across) + np.cos(down))
        # Blur by about the screen's slope per pixel keeps intermediate tones at the edges of dots.
        edge = np.float32(0.5 * np.pi / pitch)
        light = np.clip((planes[:, :, channel] - screen) / edge + 0.5, 0, 1)
        printed[:, :, channel] = ink + (paper - ink) * light
    dots: Field = np.clip(printed, 0, 1).astype(np.float32, copy=False)
    return dots


def _tone_print(picture: Field, rng: np.random.Generator) -> Field:
    """Return the picture as a toned print: grey mapped to a warm, or rarely a cool, scale."""
    grey = picture @ np.array([0.299, 0.587, 0.114], np.float32)
    warm = rng.uniform(0.2, 1.0) if rng.random() < 0.85 else -0.3
    shadow = np.array([0.10, 0.06, 0.03], np.float32) * warm
    light = 1 - np.array([0.04, 0.12, 0.30], np.float32) * warm
    gamma = (1 + np.array([-0.12, 0.0, 0.14]) * warm).astype(np.float32)
    toned: Field = shadow + (light - shadow) * grey[:, :, None] ** gamma
    return np.clip(toned, 0, 1)
