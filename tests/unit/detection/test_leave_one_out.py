"""Constants are chosen on all labelled scans but one, and measured on that one."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.detection import leave_one_out as module
from benchmarks.detection.labelled import LabelledScan
from benchmarks.detection.leave_one_out import CONSTANTS, Constant, leave_one_out
from benchmarks.detection.tables import sections
from pipeline.detection import suggestions
from pipeline.detection.learned import LearnedDetector
from pipeline.settings import Recipe

WANTED = {"repair": 0.9, "suggest": 0.6}


class Drawn(LearnedDetector):
    """A detector whose network says what is drawn in a scan's second channel."""

    def probabilities(self, pixels: np.ndarray) -> np.ndarray:
        return pixels[:, :, 1].copy()


@pytest.fixture(scope="module")
def detector() -> Drawn:
    return Drawn()


def scan(name: str, chance: int, damaged: bool) -> LabelledScan:
    """A line of a probability, damage or not, on a dark picture."""
    pixels = np.zeros((96, 128, 3), np.uint8)
    pixels[:, :, 0] = pixels[:, :, 2] = 60
    pixels[40:44, 20:110, ::2] = 255
    pixels[40:44, 20:110, 1] = chance
    truth = np.where(damaged & (pixels[:, :, 0] == 255), np.uint8(255), np.uint8(0))
    return LabelledScan(name, pixels, truth, np.zeros(truth.shape, np.bool_))


def test_the_choice_follows_the_other_scans(detector: Drawn, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lower threshold finds the line on two scans; without either, the rest still says the same."""
    monkeypatch.setattr(module, "CONSTANTS", (Constant("suggest", suggestions, "HIGH", (0.05,)),))
    scans = [scan("a", 40, True), scan("b", 40, True), scan("c", 200, False)]
    found = leave_one_out(detector, scans[:2], Recipe(), WANTED)
    assert found["suggest"]["shipped"]["recall"] == 0 and found["suggest"]["left_out"]["recall"] == 1
    assert found["changed"] == {"suggestions.HIGH": 2} and suggestions.HIGH == 0.3, "the shipped value is back"
    found = leave_one_out(detector, [scans[0], scans[2]], Recipe(), WANTED)
    assert found["suggest"]["left_out"]["recall"] == 0, "the only other scan shows nothing to gain"
    assert found["changed"] == {"suggestions.HIGH": 1}, "for the scan without damage"


def test_every_constant_exists_and_differs_from_its_other_values(detector: Drawn) -> None:
    for one in CONSTANTS:
        if one.module is None:
            shipped = detector.thresholds.of_precision(Recipe().precision).chance
        else:
            shipped = getattr(one.module, one.name)
        assert min(one.others) < shipped < max(one.others), one.title


def test_the_page_shows_both_and_what_moved() -> None:
    ratios = {"shipped": {"precision": 0.9, "recall": 0.5}, "left_out": {"precision": 0.8, "recall": 0.4}}
    part = {"learned": {"scans": 3, "repair": ratios, "suggest": ratios, "changed": {"wear.WEIGHT": 2, "chance": 0}}}
    (section,) = sections({"leave_one_out": part}, 0.9)
    assert "| learned | suggest | 0.900 | 0.800 | 0.500 | 0.400 |" in section.body
    assert "Of 3 times, other values were chosen: `wear.WEIGHT` 2." in section.body
