"""Draw lights that belong to a picture: sparkles, lights out of focus, clouds.

See `pipeline.simulation.distractors.lines` for the arguments.
"""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.imaging.types import Picture
from pipeline.simulation.distractors.colours import Alpha, Colour
from pipeline.simulation.shapes import noise, walk


def sparkles(alpha: Alpha, picture: Picture, rng: np.random.Generator) -> Colour:
    """Draw lights on eyes, glass and jewels: where the picture is bright already, in rows and clusters."""
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


def discs(alpha: Alpha, picture: Picture, rng: np.random.Generator) -> Colour:
    """Draw lamps, snow and drops out of focus: round, transparent, of one size, softer than anything on a print."""
    rows, columns = alpha.shape
    radius = float(rng.uniform(0.004, 0.05)) * min(rows, columns) + 1
    glow = np.zeros((rows, columns), np.float32)
    for _ in range(int(rng.integers(3, 25))):
        x, y = int(rng.uniform(0, columns)), int(rng.uniform(0, rows))
        disc = np.zeros((rows, columns), np.uint8)
        cv2.circle(disc, (x, y), max(1, round(radius * float(rng.uniform(0.7, 1.3)))), 255, -1, cv2.LINE_AA)
        np.maximum(glow, disc * np.float32(rng.uniform(0.15, 0.7)), out=glow)
    alpha[:] = cv2.GaussianBlur(glow, (0, 0), float(rng.uniform(0.25, 0.6)) * radius).astype(np.uint8)
    return np.full(3, rng.uniform(190, 255), np.float32)


def clouds(picture: Picture, rng: np.random.Generator) -> Picture:
    """Return the picture with clouds, foam or smoke: a bright and crisp upper rim, shaded and fading downwards."""
    rows, columns = picture.shape[:2]
    result = picture.astype(np.float32)
    ys, xs = np.mgrid[0:rows, 0:columns].astype(np.float32)
    for _ in range(int(rng.integers(1, 4))):
        size = float(rng.uniform(0.1, 0.45)) * min(rows, columns)
        x, y = _find_smooth_point(picture, rng)
        heaps = noise(rng, (rows, columns), size * float(rng.uniform(0.4, 0.9)), 2)
        detail = noise(rng, (rows, columns), size * 0.2, 4)
        down = (ys - y) / size
        round_ = 1 - np.hypot((xs - x) / (size * float(rng.uniform(0.8, 2.2))), down)
        inside = round_ + np.float32(rng.uniform(0.15, 0.3)) * heaps + np.float32(rng.uniform(0.02, 0.06)) * detail
        # Crisp above and ever softer below; isolated bits would look like flaked emulsion.
        soft = (float(rng.uniform(3, 10)) + np.clip(down + 0.3, 0, 2) * 0.4 * size) / size
        cover = np.clip(inside / soft, 0, 1) * np.clip(1.6 + round_, 0, 1)
        shade = 1 - np.clip(0.16 * (down + 0.7) - 0.06 * heaps - 0.05 * detail, 0, 0.5)
        light = np.float32(rng.uniform(200, 262)) * (1 + rng.normal(0, 0.012, 3)).astype(np.float32)
        paint = np.float32(rng.uniform(0.6, 1)) * cover[:, :, None]
        result += paint * (light * shade[:, :, None] - result)
    return np.clip(result, 0, 255).astype(np.uint8)


def _find_smooth_point(picture: Picture, rng: np.random.Generator) -> tuple[float, float]:
    """Return (x, y) of the smoothest of some random points: sky, water, haze."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    busy = cv2.GaussianBlur(np.abs(cv2.Laplacian(grey, cv2.CV_32F)), (0, 0), 16)
    rows, columns = grey.shape
    points = [(int(rng.integers(columns)), int(rng.integers(rows))) for _ in range(12)]
    x, y = min(points, key=lambda point: busy[point[1], point[0]])
    return float(x), float(y)
