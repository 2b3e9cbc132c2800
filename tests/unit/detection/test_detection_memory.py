"""A scan of 100 megapixels is searched within 2 GB: planes beside it are few and of one byte a pixel.

What is measured is what numpy and OpenCV hand to Python; where everything goes by windows and strips, those are made
small, so that what is left grows with the scan.
"""

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.detection import cover, infrared, marks, tone_growth, views, windows
from pipeline.detection.infrared import find_in_infrared
from pipeline.detection.learned import LearnedDetector
from pipeline.detection.network import DetectorNet, NetworkConfig
from pipeline.detection.thresholds import Thresholds
from pipeline.detection.weights import save_weights
from pipeline.imaging import luminance
from pipeline.imaging.connected_components import connected_components
from pipeline.masks import faces, text
from pipeline.masks.guards import apply_guards

ROWS, COLUMNS = 2000, 2100


class Brightness:
    """Returns a pixel's brightness as its probability."""

    runtime = "none"

    def run(self, shown: Any) -> None:
        for planes, sink in shown:
            sink(planes[0])


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "WINDOW", 200)
    monkeypatch.setattr(cover, "LARGEST", 256)
    for module in (windows, cover, luminance, infrared, marks, tone_growth):
        monkeypatch.setattr(module, "ROWS", 32)
    for module in (faces, text, infrared):
        monkeypatch.setattr(module, "SIDE", 150)


def damage() -> np.ndarray:
    """A scratch from corner to corner and three hundred specks."""
    rng = np.random.default_rng(1)
    mask = np.zeros((ROWS, COLUMNS), np.uint8)
    cv2.line(mask, (5, 9), (COLUMNS - 20, ROWS - 10), 255, 3)
    for x, y, radius in rng.integers((0, 0, 1), (COLUMNS, ROWS, 5), (300, 3)).tolist():
        cv2.circle(mask, (x, y), radius, 255, -1)
    return mask


def bytes_a_pixel(work: Callable[[], Any]) -> tuple[float, Any]:
    """The peak of what is allocated meanwhile, and what came of it."""
    tracemalloc.start()
    try:
        result = work()
        return tracemalloc.get_traced_memory()[1] / (ROWS * COLUMNS), result
    finally:
        tracemalloc.stop()


def test_the_learned_detector_needs_ten_bytes_a_pixel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_weights(tmp_path / "w", DetectorNet(NetworkConfig(depth=2, width=8, widest=8)), Thresholds(), {})
    detector = LearnedDetector(tmp_path / "w", device="cpu", backend="torch")
    monkeypatch.setattr(detector, "_runner", Brightness())
    # At full size each look says the same of a pixel, and needs the most.
    for name in ("FIRST", "QUICK", "SECOND"):
        monkeypatch.setattr(windows, name, views.View(1.0, getattr(views, name).turn))
    mask = damage()
    pixels = np.where(mask[:, :, None] > 0, np.uint16(65000), np.uint16(2500)).repeat(3, axis=2)
    needed, found = bytes_a_pixel(lambda: detector.detect(pixels, dilate=1))
    assert found.repair[mask > 0].all()
    # Half the size says the same, less sharply, and small gaps along lines are closed.
    assert not found.repair[cv2.dilate(mask, np.ones((25, 25), np.uint8)) == 0].any()
    assert needed < 10, needed


def test_infrared_needs_seven_bytes_a_pixel() -> None:
    rng, mask = np.random.default_rng(2), damage()
    colours = cv2.resize(rng.integers(8000, 60000, (9, 9, 3)).astype(np.uint16), (COLUMNS, ROWS))
    plane = np.where(mask > 0, 20000, 50000) * rng.normal(1, 0.012, mask.shape)
    # As a fourth channel, of which OpenCV copies what it is given.
    both = np.dstack([np.where(mask[:, :, None] > 0, colours // 4, colours), plane.astype(np.uint16)])
    needed, found = bytes_a_pixel(lambda: find_in_infrared(both[:, :, :3], both[:, :, 3]))
    assert found.detection is not None and (found.detection.repair[mask > 0]).mean() > 250
    assert needed < 7


def test_guards_need_three_bytes_a_pixel() -> None:
    mask = damage()
    needed, found = bytes_a_pixel(lambda: apply_guards(np.full((ROWS, COLUMNS, 3), 90, np.uint8), mask, []))
    assert found.fill is mask
    # The picture that is given is three of them itself.
    assert needed - 3 < 3


def test_runs_need_less_than_a_plane_of_labels() -> None:
    mask = damage()
    needed, found = bytes_a_pixel(lambda: connected_components(mask))
    assert len(found) > 100
    assert needed < 1.5
