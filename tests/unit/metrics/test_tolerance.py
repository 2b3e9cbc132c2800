from __future__ import annotations

import numpy as np

from pipeline.metrics.tolerance import TOLERANCE, tolerated


def test_two_pixels_are_within_the_tolerance_and_three_are_not() -> None:
    mask = np.zeros((9, 9), np.uint8)
    mask[4, 4] = 255
    near = tolerated(mask)
    assert TOLERANCE == 2
    assert near[4].tolist() == near[:, 4].tolist() == [0, 0, 255, 255, 255, 255, 255, 0, 0]
    # A disc, not a square.
    assert near[2, 2] == 0 and near[3, 3] == 255


def test_the_highest_chance_within_the_tolerance_counts_also_at_the_border() -> None:
    chances = np.zeros((3, 8), np.uint8)
    chances[1] = [10, 0, 0, 0, 90, 0, 40, 0]
    assert tolerated(chances)[1].tolist() == [10, 10, 90, 90, 90, 90, 90, 40]
