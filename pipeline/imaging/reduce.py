"""Make pictures smaller to be looked at."""

from __future__ import annotations

from typing import Any

import cv2
from numpy.typing import NDArray

HALVED = 2560 * 2560
"""Pixels of the largest picture that is halved first: its half takes a quarter of its memory once more."""


def reduced_size(width: int, height: int, long_side: int) -> tuple[int, int]:
    """Return width and height of a picture whose longer side is at most `long_side`; it is never enlarged."""
    factor = min(1.0, long_side / max(width, height))
    return max(1, round(width * factor)), max(1, round(height * factor))


def reduce(pixels: NDArray[Any], long_side: int) -> NDArray[Any]:
    """Return pixels reduced so that the longer side fits; those that fit already are returned as they are.

    Down to a half, two pixels each way hold all of a picture, so its halves look like averages in a seventh of their
    time.

    Args:
        pixels: (H,W) or (H,W,C) of uint8 or uint16, up to four channels.
        long_side: the longer side's maximum in pixels.
    """
    height, width = pixels.shape[:2]
    size = reduced_size(width, height, long_side)
    while width * height <= HALVED and max(width, height) > 2 * max(size):
        width, height = (width + 1) // 2, (height + 1) // 2
        pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR)
    if (width, height) == size:
        return pixels
    averaged = max(width, height) > 2 * max(size)
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if averaged else cv2.INTER_LINEAR)
