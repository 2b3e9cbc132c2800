"""Augmentation: crops at a random scale with the appearance of archive scans."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.imaging.types import Picture


def _cut(picture: Picture, size: int, rng: np.random.Generator) -> Picture:
    """Return a square of the picture, (size,size,3), at a scale of 0.5 to 1 (larger when the picture is too small)."""
    height, width = picture.shape[:2]
    side = min(round(size / rng.uniform(0.5, 1.0)), height, width)
    top = int(rng.integers(0, height - side + 1))
    left = int(rng.integers(0, width - side + 1))
    crop = picture[top : top + side, left : left + side]
    if side != size:
        method = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
        crop = cv2.resize(crop, (size, size), interpolation=method).astype(np.uint8, copy=False)
    return crop


def _tone(crop: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the crop in colour, grey or sepia, sometimes faded; float32 0..255."""
    look = rng.random()
    if look < 0.40:
        grey = crop @ np.array([0.299, 0.587, 0.114], np.float32)
        crop = np.repeat(grey[:, :, None], 3, axis=2)
        if look < 0.16:
            warmth = float(rng.uniform(0.2, 1.0))
            tint = np.array([1.0 + 0.08 * warmth, 1.0 - 0.02 * warmth, 1.0 - 0.22 * warmth], np.float32)
            crop = crop * tint
    if rng.random() < 0.3:
        gamma = float(rng.uniform(0.7, 1.4))
        low, high = float(rng.uniform(0, 50)), float(rng.uniform(200, 255))
        crop = low + (high - low) * np.clip(crop / 255.0, 0, 1) ** gamma
    return crop.astype(np.float32, copy=False)


def _grain(crop: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the crop with film grain of random size and strength."""
    shape = crop.shape[:2] if rng.random() < 0.7 else crop.shape
    noise = rng.standard_normal(shape, dtype=np.float32)
    if rng.random() < 0.5:
        noise = 1.8 * cv2.GaussianBlur(noise, (0, 0), float(rng.uniform(0.5, 0.9))).astype(np.float32, copy=False)
    if noise.ndim == 2:
        noise = noise[:, :, None]
    return crop + noise * np.float32(rng.uniform(1.5, 9.0))


def draw_crop(picture: Picture, size: int, rng: np.random.Generator) -> Picture:
    """Return a square of the photograph with the appearance of an archive scan, (size,size,3) uint8.

    Its scale is 0.5 to 1; half of the crops are mirrored, a tenth upside down; two fifths are grey or sepia; some are
    faded, grainy or compressed. ``picture`` is (H,W,3) uint8.
    """
    crop = _cut(picture, size, rng)
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    if rng.random() < 0.1:
        crop = crop[::-1]
    toned = _tone(crop.astype(np.float32), rng)
    if rng.random() < 0.2:
        toned = _grain(toned, rng)
    result = np.clip(np.rint(toned), 0, 255).astype(np.uint8)
    if rng.random() < 0.12:
        # OpenCV expects and returns BGR.
        _, coded = cv2.imencode(".jpg", result[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(45, 92))])
        decoded = cv2.imdecode(coded, cv2.IMREAD_COLOR)
        assert decoded is not None  # it was encoded a line ago
        result = np.ascontiguousarray(decoded[:, :, ::-1]).astype(np.uint8, copy=False)
    return result
