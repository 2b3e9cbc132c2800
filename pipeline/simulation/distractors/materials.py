"""Draw materials that belong to a picture or its print: woven patterns, white cloth, the border."""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.imaging.types import Picture
from pipeline.simulation.distractors.colours import Alpha, Colour, own_colour
from pipeline.simulation.shapes import blob, noise


def pattern(alpha: Alpha, picture: Picture, rng: np.random.Generator) -> Colour:
    """Draw cloth or lace: dots or strokes at equal distances in a patch; return their colour."""
    rows, columns = alpha.shape
    step = int(rng.integers(5, 18))
    height, width = int(rng.uniform(0.1, 0.5) * rows), int(rng.uniform(0.1, 0.5) * columns)
    top, left = int(rng.uniform(0, rows - height)), int(rng.uniform(0, columns - width))
    reach, dots = int(rng.integers(1, max(2, step // 2))), rng.random() < 0.5
    for row, y in enumerate(range(top, top + height, step)):
        for x in range(left + (step // 2) * (row % 2), left + width, step):
            if dots:
                cv2.circle(alpha, (x, y), max(1, reach // 2), 255, -1, cv2.LINE_AA)
            else:
                cv2.line(alpha, (x, y), (x + reach, y + reach // 2), 255, 1, cv2.LINE_AA)
    return own_colour(picture, rng)


def cloth(picture: Picture, rng: np.random.Generator) -> Picture:
    """Return the picture with bright cloth: soft folds with light and shade, where bare paper would be flat."""
    rows, columns = picture.shape[:2]
    result = picture.astype(np.float32)
    for _ in range(int(rng.integers(1, 4))):
        radius = min(rows, columns) * float(rng.uniform(0.015, 0.12))
        alpha = blob(rng, radius, float(rng.uniform(0, 0.35)), float(rng.uniform(1.5, 4)), float(rng.uniform(1, 3)))
        height, width = alpha.shape
        top, left = int(rng.uniform(0, max(1, rows - height))), int(rng.uniform(0, max(1, columns - width)))
        alpha = alpha[: rows - top, : columns - left, None]
        folds = noise(rng, (height, width), radius * float(rng.uniform(0.3, 1.2)), 3)[: rows - top, : columns - left]
        shade = 1 - np.float32(rng.uniform(0.12, 0.3)) * np.abs(folds)[:, :, None]
        light = own_colour(picture, rng, extreme=True) if rng.random() < 0.3 else np.full(3, rng.uniform(190, 255))
        box = (slice(top, top + alpha.shape[0]), slice(left, left + alpha.shape[1]))
        result[box] += alpha * (light.astype(np.float32) * shade - result[box])
    return np.clip(result, 0, 255).astype(np.uint8)


def border(picture: Picture, rng: np.random.Generator) -> Picture:
    """Return the picture with the white or black border of a print or a mount, on some of the four sides."""
    rows, columns = picture.shape[:2]
    widths = np.round(rng.uniform(0.01, 0.08) * min(rows, columns) * rng.uniform(0.8, 1.2, 4)).astype(int)
    widths[rng.random(4) < 0.2] = 0
    top, bottom, left, right = (int(width) for width in widths)
    level = float(rng.uniform(200, 255) if rng.random() < 0.75 else rng.uniform(0, 40))
    bordered = np.full(picture.shape, level * np.clip(1 + rng.normal(0, 0.03, 3), 0.85, 1.0), np.float32)
    bordered += np.float32(rng.uniform(0, 3)) * noise(rng, (rows, columns), 20, 2)[:, :, None]
    inner = (slice(top, rows - bottom), slice(left, columns - right))
    bordered[inner] = picture[inner]
    if rng.random() < 0.4:  # a line is printed between picture and border
        tone = tuple(float(value) for value in own_colour(picture, rng, extreme=True))
        cv2.rectangle(bordered, (left, top), (columns - right - 1, rows - bottom - 1), tone, 1)
    return np.clip(bordered, 0, 255).astype(np.uint8)
