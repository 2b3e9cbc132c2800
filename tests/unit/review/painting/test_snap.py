"""A rough stroke becomes the mark under it."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.review.painting.snap import draw_stroke, snap_stroke, stroke_box


def crack(polarity: float):
    """Returns a grainy picture (200,300) with a bent line 3 px wide, the line (200,300) and its middle."""
    rng = np.random.default_rng(2)
    x = np.linspace(30, 260, 60)
    middle = np.stack([x, 100 + 30 * np.sin(x / 40)], axis=1)
    line = draw_stroke((200, 300), middle, 3) > 0
    picture = 0.5 + 0.02 * rng.standard_normal((200, 300))
    picture[line] += polarity
    return picture.astype(np.float32), line, middle


def overlap(a, b) -> float:
    return np.count_nonzero(a & b) / np.count_nonzero(a | b)


@pytest.mark.parametrize("polarity", [0.25, -0.25])
@pytest.mark.parametrize("side", [-4, 4])
def test_a_stroke_beside_a_crack_becomes_the_crack(polarity: float, side: int) -> None:
    picture, line, middle = crack(polarity)
    points = [(float(x), float(y) + side) for x, y in middle[::6]]
    raw = draw_stroke(picture.shape, np.array(points), 6) > 0
    snapped = snap_stroke(picture, points, 6).mask > 0
    assert overlap(snapped, line) > 0.55 > 2 * overlap(raw, line)


def test_where_nothing_stands_out_the_stroke_stays() -> None:
    flat = np.full((60, 80), 0.5, np.float32)
    points = [(10.0, 30.0), (70.0, 30.0)]
    assert np.array_equal(snap_stroke(flat, points, 6).mask, draw_stroke(flat.shape, np.array(points), 6))


def test_what_the_detector_suspected_under_the_stroke_is_taken_whole() -> None:
    picture, line, middle = crack(0.25)
    suspected = np.zeros(line.shape, np.uint8)
    suspected[line] = 255
    points = [(float(x), float(y) + 3) for x, y in middle[::6]]
    snapped = snap_stroke(picture, points, 6, suspected=suspected).mask > 0
    assert snapped[line].mean() > 0.9


def test_a_crop_gives_what_the_picture_gives() -> None:
    picture, _, middle = crack(0.25)
    points = [(float(x), float(y) + 3) for x, y in middle[20:40:5]]
    left, top, right, bottom = stroke_box(points, 6, (300, 200))
    whole = snap_stroke(picture, points, 6).mask[top:bottom, left:right]
    part = snap_stroke(picture[top:bottom, left:right], points, 6, offset=(left, top))
    assert (part.left, part.top) == (left, top) and overlap(part.mask > 0, whole > 0) > 0.95


@pytest.mark.parametrize("shape", ["ring", "scribble"])
def test_a_stroke_that_goes_nowhere_takes_the_blotch_under_it(shape: str) -> None:
    picture = np.full((80, 80), 0.5, np.float32) + np.float32(0.01) * np.random.default_rng(3).standard_normal((80, 80))
    blotch = draw_stroke((80, 80), np.array([[40.0, 40.0]]), 24) > 0
    picture[blotch] = 0.8
    angles = np.linspace(0, 2 * np.pi, 16)
    points = [(40 + 8 * np.cos(angle), 40 + 8 * np.sin(angle)) for angle in angles]
    if shape == "scribble":
        points = [(31.0 if number % 2 else 49.0, 32.0 + 2 * number) for number in range(9)]
    assert overlap(snap_stroke(picture.astype(np.float32), points, 6).mask > 0, blotch) > 0.7


def test_a_click_marks_a_speck() -> None:
    picture = np.full((40, 40), 0.5, np.float32)
    picture[20:24, 22:26] = 0.9
    mask = snap_stroke(picture, [(20.0, 20.0)], 6).mask > 0
    assert mask[21:23, 23:25].all() and np.count_nonzero(mask) < 60
