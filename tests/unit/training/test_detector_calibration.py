"""Thresholds follow from what a detector says to held-out photographs."""

import numpy as np
import pytest

from pipeline.training.detector_calibration import Evidence, Promise, calibrate, figures
from pipeline.training.detector_data import DAMAGED, INTACT, UNSURE


def damaged(right: int, false: int) -> Evidence:
    """A scratch that is given the chance `right`, and a wire elsewhere that is given `false`."""
    labels = np.full((40, 40), INTACT, np.uint8)
    chance = np.zeros((40, 40), np.uint8)
    labels[10, 5:35] = DAMAGED
    chance[10, 5:35] = right
    chance[30, 5:35] = false
    return Evidence(chance, labels)


def clean(false: int = 0) -> Evidence:
    chance = np.zeros((40, 40), np.uint8)
    chance[20, 20:30] = false
    return Evidence(chance, np.full((40, 40), INTACT, np.uint8))


def test_the_lowest_threshold_that_keeps_the_promise_is_taken() -> None:
    evidence = [damaged(right=240, false=200), clean(false=200), clean()]
    limits, table = calibrate(evidence, Promise(precision=0.95, empty=1.0))
    assert 200 / 255 < limits.repair <= 240 / 255
    assert limits.repair_grow > 200 / 255
    assert "| repair " in table


def test_without_any_that_keeps_it_repairs_are_as_rare_as_can_be() -> None:
    limits, _ = calibrate([damaged(right=100, false=255), clean(255)], Promise())
    assert limits.repair == pytest.approx(0.994)
    assert limits.suggest <= limits.repair


def test_doubtful_pixels_count_neither_way() -> None:
    one = damaged(right=240, false=240)
    one.labels[28:33] = UNSURE
    worth = figures([one], 0.5, 1.0, 1)
    assert worth.precision == 1.0
    assert worth.recall == 1.0


def test_undamaged_pictures_are_counted_by_area_and_by_being_empty() -> None:
    worth = figures([clean(255), clean(), clean(), clean()], 0.5, 1.0, 1)
    assert worth.clean == pytest.approx(10 / 1600 / 4)
    assert worth.worst == pytest.approx(10 / 1600)
    assert worth.empty == 0.75
