"""A scan of structure and a mask on it, for all tests of painted masks."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.painted import ScanView

SHAPE = (40, 60)


def photograph(shape: tuple[int, int] = SHAPE, seed: int = 3) -> np.ndarray:
    """Return a picture (H,W,3) with structure nearly everywhere, and without pure colours."""
    import cv2

    noise = np.random.default_rng(seed).integers(40, 200, (shape[0] // 3 + 1, shape[1] // 3 + 1, 3)).astype(np.uint8)
    return cv2.resize(noise, shape[::-1], interpolation=cv2.INTER_LINEAR)


@pytest.fixture
def view():
    def view_of(
        pixels: np.ndarray | None = None, orientation: int = 1, published: np.ndarray | None = None
    ) -> ScanView:
        tones = photograph() if pixels is None else pixels
        return ScanView(tones.shape[:2], orientation, lambda: tones, lambda: published)

    return view_of


@pytest.fixture
def photo():
    return photograph
