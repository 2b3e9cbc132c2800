"""Drawn lines and marks on busy ground are left to a person; scratches and marks on calm ground are not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.detection.busy_ground import find_on_busy_ground
from pipeline.detection.drawn_lines import find_drawn_lines
from pipeline.detection.marks import MarkedScan
from pipeline.imaging.connected_components import connected_components
from pipeline.imaging.types import Mask

Points = list[tuple[int, int]]


def _drawn(*lines: Points) -> bool:
    mask = np.zeros((300, 300), np.uint8)
    for line in lines:
        cv2.polylines(mask, [np.array(line, np.int32)], isClosed=False, color=255, thickness=5)
    return bool(find_drawn_lines(connected_components(mask), 1.0).all())


def test_lines_that_end_on_each_other_are_drawn() -> None:
    assert _drawn([(20, 280), (90, 150), (280, 220)])
    assert _drawn([(20, 280), (150, 100)], [(85, 190), (280, 240)])


def test_where_lines_are_drawn_other_straight_ones_are_too() -> None:
    assert _drawn([(20, 280), (90, 150), (220, 200)], [(250, 220), (290, 20)])


@pytest.mark.parametrize(
    "scratches",
    [
        pytest.param([[(20, 280), (280, 20)]], id="one"),
        pytest.param([[(20, 20), (280, 280)], [(20, 280), (280, 20)]], id="crossing"),
        pytest.param([[(40, 20), (60, 280)], [(100, 20), (120, 280)]], id="parallel"),
    ],
)
def test_scratches_are_not_drawn(scratches: list[Points]) -> None:
    assert not _drawn(*scratches)


def test_a_rough_crack_is_not_drawn() -> None:
    rng = np.random.default_rng(5)
    steps = np.cumsum(rng.integers(-9, 10, 28))
    assert not _drawn([(20 + 9 * n, 150 + int(step)) for n, step in enumerate(steps)])


def test_a_patch_is_not_drawn() -> None:
    patch = np.zeros((300, 300), np.uint8)
    patch[50:150, 50:200] = 255
    assert not find_drawn_lines(connected_components(patch), 1.0).any()


def _on_ground(*, grain: float, doubt: int, peak: int, contrast: int = 90, rough: bool = False) -> bool:
    """Return whether a disc on a ground is left: how uneven that is, how doubted, how sure the disc is."""
    rng = np.random.default_rng(1)
    ground = 110 + grain * cv2.GaussianBlur(rng.standard_normal((256, 256)), (0, 0), 1)
    disc: Mask = np.zeros((256, 256), np.uint8)
    cv2.circle(disc, (128, 128), 20, 255, -1)
    inside = ground + contrast if rough else np.full_like(ground, 110 + contrast)
    pixels = np.where(disc > 0, inside, ground).clip(0, 255).astype(np.uint8)
    probability = np.full((256, 256), doubt, np.uint8)
    probability[disc > 0] = peak
    marks = connected_components(disc)
    return bool(find_on_busy_ground(MarkedScan(pixels, probability), disc, marks).all())


def test_a_mark_on_doubted_texture_must_be_sure() -> None:
    assert _on_ground(grain=60, doubt=40, peak=200)
    assert not _on_ground(grain=60, doubt=40, peak=250)
    assert not _on_ground(grain=60, doubt=5, peak=200)
    assert not _on_ground(grain=2, doubt=40, peak=200)


def test_a_mark_that_is_textured_like_its_doubted_ground_is_left() -> None:
    assert _on_ground(grain=20, doubt=40, peak=200, contrast=15, rough=True)
    assert not _on_ground(grain=20, doubt=5, peak=200, contrast=15, rough=True)


def test_an_unsure_mark_fainter_than_its_ground_is_uneven_is_left() -> None:
    assert _on_ground(grain=60, doubt=5, peak=120, contrast=8)
    assert not _on_ground(grain=60, doubt=5, peak=120, contrast=90)
    assert not _on_ground(grain=60, doubt=5, peak=240, contrast=8)


def test_in_a_wreck_doubt_is_damage() -> None:
    rng = np.random.default_rng(1)
    ground = (110 + 60 * cv2.GaussianBlur(rng.standard_normal((256, 256)), (0, 0), 1)).clip(0, 255).astype(np.uint8)
    marked = np.zeros((256, 256), np.uint8)
    marked[100:150, 20:240] = 255
    probability = np.where(marked > 0, np.uint8(200), np.uint8(40))
    marks = connected_components(marked)
    assert not find_on_busy_ground(MarkedScan(ground, probability), marked, marks).any()
