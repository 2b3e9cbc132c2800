"""What an engine sees of a scan that is smaller than its window."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.engines import crop as cropping
from pipeline.engines.crop import crop
from pipeline.engines.plan import Window
from pipeline.imaging.rectangles import Rect


def test_a_small_scan_is_shrunk_once_and_its_reflections_are_small(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    scan, mask = rng.integers(0, 256, (50, 41, 3), dtype=np.uint8), np.zeros((50, 41), np.uint8)
    mask[10:30, 5:20] = 255
    cut: list[int] = []
    within = cropping._cut

    def counted(colour: np.ndarray, mask: np.ndarray, rect: Rect) -> object:
        cut.append(rect.height * rect.width)
        return within(colour, mask, rect)

    monkeypatch.setattr(cropping, "_cut", counted)
    image, holes = crop(scan, mask, Window(Rect(0, 0, 512, 512), Rect(0, 0, 50, 41), 3))
    assert image.shape == (64, 64, 3) and holes.shape == (64, 64)
    assert sum(cut) <= (50 + 8) * (41 + 8), "not the window's 512x512 pixels"
    known = np.pad(np.where(mask != 0, np.nan, 1.0)[:, :, None] * (scan / 255), ((0, 6), (0, 7), (0, 0)), "symmetric")
    share = np.isfinite(known[..., 0]).reshape(7, 8, 6, 8).mean(axis=(1, 3))
    with np.errstate(invalid="ignore"):
        mean = np.nansum(known.reshape(7, 8, 6, 8, 3), axis=(1, 3)) / (64 * share)[:, :, None]
    assert np.array_equal(holes[:7, :6], share < 0.5)
    assert np.allclose(image[:7, :6][share >= 0.5], mean[share >= 0.5], atol=1e-6)
    assert np.array_equal(image[7:14, :6], image[6::-1, :6]), "beyond the scan is its mirror image"
    assert np.array_equal(image[:, 6:12], image[:, 5::-1])


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_blocks_are_summed_as_numpy_does_to_the_last_bit(scale: int) -> None:
    blocks = np.random.default_rng(scale).random((12, scale, 15, scale, 3), np.float32)
    assert np.array_equal(cropping._sum_blocks(blocks), blocks.sum(axis=(1, 3)))
