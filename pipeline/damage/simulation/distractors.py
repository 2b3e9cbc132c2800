"""What looks like damage and is none: text, wires, fences, sparkles, white cloth, a print's border. For training."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.damage.simulation.shapes import blob, noise, soften, walk

Picture = NDArray[np.uint8]
_WORDS = ("RESTAURANT", "1923", "Photo", "Hotel", "MAIN ST.", "No. 47", "Bros & Co.", "12", "SCHOOL", "Market", "OPEN")


def distract(picture: Picture, rng: np.random.Generator) -> Picture:
    """Returns a copy (H,W,3) uint8 with something drawn in, in colours that the picture itself has, or bordered."""
    what = rng.random()
    if what < 0.12:
        return _border(picture, rng)
    if what < 0.16:
        return _cloth(picture, rng)
    draw = (_text, _wires, _fence, _sparkles, _pattern)[int(rng.integers(5))]
    alpha = np.zeros(picture.shape[:2], np.uint8)
    colour = draw(alpha, picture, rng)
    soft = soften(alpha.astype(np.float32) / np.float32(255), float(rng.uniform(0.3, 1.1)))[:, :, None]
    shaded = picture + soft * np.float32(rng.uniform(0.6, 1)) * (colour - picture.astype(np.float32))
    return np.clip(shaded, 0, 255).astype(np.uint8)


def _own_colour(picture: Picture, rng: np.random.Generator, *, extreme: bool = False) -> NDArray[np.float32]:
    flat = picture.reshape(-1, 3)
    picks = flat[rng.integers(0, len(flat), 64)]
    order = np.argsort(picks.sum(axis=1))
    at = (0 if rng.random() < 0.5 else 63) if extreme else int(rng.integers(64))
    return np.asarray(picks[order[at]], np.float32)


def _text(alpha: NDArray[np.uint8], picture: Picture, rng: np.random.Generator) -> NDArray[np.float32]:
    rows, columns = alpha.shape
    for line in range(int(rng.integers(1, 4))):
        words = " ".join(rng.choice(_WORDS, int(rng.integers(1, 4))))
        size = float(rng.uniform(0.35, 1.4)) * min(rows, columns) / 400
        where = (int(rng.uniform(-0.1, 0.6) * columns), int(rng.uniform(0.1, 0.95) * rows) + line * int(30 * size))
        font = int(rng.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_SCRIPT_COMPLEX]))
        cv2.putText(alpha, words, where, font, size, 255, int(rng.integers(1, 3)), cv2.LINE_AA)
    return _own_colour(picture, rng, extreme=True)


def _wires(alpha: NDArray[np.uint8], picture: Picture, rng: np.random.Generator) -> NDArray[np.float32]:
    rows, columns = alpha.shape
    for _ in range(int(rng.integers(1, 6))):
        xs = np.linspace(-5, columns + 5, 24)
        sag = float(rng.uniform(0, 0.15)) * rows
        middle = float(rng.uniform(0.1, 0.9)) * columns
        ys = rng.uniform(0, rows) + rng.uniform(-0.3, 0.3) * (xs - middle) - sag * ((xs - middle) / columns) ** 2
        points = np.stack([xs, ys], axis=1)
        if rng.random() < 0.3:
            points = points[:, ::-1]
        cv2.polylines(
            alpha, [np.round(points * 8).astype(np.int32)], False, 255, int(rng.integers(1, 3)), cv2.LINE_AA, 3
        )
    return _own_colour(picture, rng, extreme=rng.random() < 0.6)


def _fence(alpha: NDArray[np.uint8], picture: Picture, rng: np.random.Generator) -> NDArray[np.float32]:
    rows, columns = alpha.shape
    step = float(rng.uniform(0.02, 0.12)) * min(rows, columns)
    lean = float(rng.normal(0, 0.08))
    top, bottom = sorted(rng.uniform(0, rows, 2))
    first, last = sorted(rng.uniform(0, columns, 2))
    width = int(rng.integers(1, 4))
    for x in np.arange(first, last, step):
        start, end = (int(x), int(top)), (int(x + lean * (bottom - top)), int(bottom))
        cv2.line(alpha, start, end, 255, width, cv2.LINE_AA)
    for y in rng.uniform(top, bottom, int(rng.integers(0, 4))):
        cv2.line(alpha, (int(first), int(y)), (int(last), int(y)), 255, width, cv2.LINE_AA)
    return _own_colour(picture, rng)


def _sparkles(alpha: NDArray[np.uint8], picture: Picture, rng: np.random.Generator) -> NDArray[np.float32]:
    """Lights on eyes, glass and jewels sit where the picture is bright already, in rows and clusters."""
    rows, columns = alpha.shape
    bright = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (0, 0), 3)
    ys, xs = np.nonzero(bright >= np.percentile(bright, 85))
    points = walk(rng, np.array([xs[0], ys[0]], float), 0.0, 60.0, 6.0, 0.5)
    at = int(rng.integers(len(xs)))
    points = points - points[0] + np.array([xs[at], ys[at]])
    for x, y in points[: int(rng.integers(1, 11))]:
        if 0 <= x < columns and 0 <= y < rows:
            cv2.circle(alpha, (int(x), int(y)), int(rng.integers(0, 3)), 255, -1, cv2.LINE_AA)
    return np.full(3, rng.uniform(200, 255), np.float32)


def _pattern(alpha: NDArray[np.uint8], picture: Picture, rng: np.random.Generator) -> NDArray[np.float32]:
    """Cloth and lace: dots or strokes at equal steps in a patch."""
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
    return _own_colour(picture, rng)


def _border(picture: Picture, rng: np.random.Generator) -> Picture:
    """The white or black border of a print or a mount, straight and even, on some of the four sides."""
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
        tone = tuple(float(value) for value in _own_colour(picture, rng, extreme=True))
        cv2.rectangle(bordered, (left, top), (columns - right - 1, rows - bottom - 1), tone, 1)
    return np.clip(bordered, 0, 255).astype(np.uint8)


def _cloth(picture: Picture, rng: np.random.Generator) -> Picture:
    """Bows, collars, handkerchiefs: bright, with soft folds and a rim that has light and shade, where paper is flat."""
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
        light = _own_colour(picture, rng, extreme=True) if rng.random() < 0.3 else np.full(3, rng.uniform(190, 255))
        box = (slice(top, top + alpha.shape[0]), slice(left, left + alpha.shape[1]))
        result[box] += alpha * (light.astype(np.float32) * shade - result[box])
    return np.clip(result, 0, 255).astype(np.uint8)
