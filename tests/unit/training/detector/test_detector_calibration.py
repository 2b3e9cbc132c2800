"""Calibration: thresholds that keep promises on held-out photographs."""

import numpy as np
import pytest

from pipeline.detection.judge import judge_marks
from pipeline.detection.thresholds import Thresholds
from pipeline.imaging.types import Mask
from pipeline.training.detector.calibration import CHANCES, PROMISES, Figures, Promise, calibrate, measure
from pipeline.training.detector.data import DAMAGED, INTACT, UNSURE
from pipeline.training.detector.evidence import Evidence, component_table


def picture(right: int, false: int, damaged: bool = True) -> Evidence:
    """Scratches that are given the chance `right`, a fifth of the picture's parts, and a wire that is given `false`."""
    labels = np.full((160, 160), INTACT, np.uint8)
    chance = np.zeros((160, 160), np.uint8)
    shown = np.full((160, 160, 3), 90, np.uint8)
    for row in (10, 50, 90):
        for column in range(0, 160, 40) if damaged else ():
            labels[row, column : column + 30] = DAMAGED
            chance[row, column : column + 30] = right
            shown[row, column : column + 30] = 200
    chance[130, 5:155] = false
    shown[130, 5:155] = 200
    return Evidence(shown, chance, labels)


def judged(one: Evidence, limits: Thresholds, precision: float = 0.95) -> tuple[Mask, Mask]:
    found = judge_marks(one.scan, limits, precision=precision)
    return found.repair, found.suggest


def evidence(right: int, false: int) -> list[Evidence]:
    damaged = [picture(right + index % 3, false - index % 5) for index in range(12)]
    return damaged + [picture(0, false - index % 7, damaged=False) for index in range(12)]


def test_repairs_keep_the_promise_and_suggestions_may_be_wrong() -> None:
    limits, table = calibrate(evidence(right=240, false=190), [Promise(precision=0.95, empty=1.0)])
    assert "| **repair**, 0.95 |" in table
    repair, suggest = judged(evidence(right=240, false=190)[0], limits)
    assert (repair[10, :30] > 0).all()
    assert not repair[130].any()
    assert (suggest[10, :30] == 255).all()


def test_the_table_shows_the_chosen_thresholds_and_the_alternatives() -> None:
    limits, table = calibrate(evidence(right=240, false=190), [Promise(precision=0.95, empty=1.0)])
    head, _, repair, *others = ([cell.strip() for cell in line.split("|")[1:-1]] for line in table.split("\n"))
    assert head[:2] == ["level", "pixels from"]
    (chosen,) = limits.repairs
    assert repair[:2] == ["**repair**, 0.95", f"{chosen.chance:g}"]
    assert ["**suggest**", f"{limits.suggest:g}"] in [row[:2] for row in others]
    assert sum(row[0] == "repair" for row in others) == len(CHANCES) - 1
    assert sum(row[0] == "suggest" for row in others) > 2
    assert {len(row) for row in (head, repair, *others)} == {9}


def test_a_lower_precision_gives_more_recall() -> None:
    def mixed() -> Evidence:
        one = picture(right=250, false=150)
        for row in (30, 70):
            one.probability[row, 5:155] = 150  # as sure as what is false, and as large
            one.labels[row, 5:155] = DAMAGED
            one.picture[row, 5:155] = 200
        return one

    limits, _ = calibrate([mixed() for _ in range(4)], [Promise(0.6, empty=0.0), Promise(0.95, empty=0.0)])
    found = {wanted: judged(mixed(), limits, wanted)[0] for wanted in (0.2, 0.6, 0.7, 0.95, 0.98)}
    assert all(mask[10, :30].all() for mask in found.values())
    assert [bool(mask[30].any()) for mask in found.values()] == [True, True, False, False, False]
    assert [promise.precision for promise in PROMISES] == sorted(promise.precision for promise in PROMISES)


def test_the_strictest_choice_is_made_where_none_keeps_the_promise() -> None:
    limits, table = calibrate(evidence(right=200, false=230), [Promise(precision=1.01)])
    (chosen,) = limits.repairs
    assert chosen.chance == CHANCES[-1]
    assert "**repair**" not in table


def test_a_network_that_marks_nothing_repairs_nothing() -> None:
    limits, table = calibrate(evidence(right=0, false=7), [Promise()])
    assert "too little" in table
    blank = Evidence(np.full((5, 5, 3), 90, np.uint8), np.full((5, 5), 250, np.uint8), np.zeros((5, 5), np.uint8))
    assert not judged(blank, limits)[0].any()


def test_unsure_pixels_are_neither_right_nor_wrong() -> None:
    one = picture(right=240, false=240)
    one.labels[128:133] = UNSURE
    worth = measure(component_table([one], lambda one: one.probability), np.ones(13, np.bool_))
    assert worth.precision == 1.0
    assert worth.recall == 1.0


def test_undamaged_pictures_are_counted_by_area_and_by_being_empty() -> None:
    clean = [picture(0, 255, damaged=False), *(picture(0, 0, damaged=False) for _ in range(3))]
    table = component_table(clean, lambda one: one.probability)
    worth = measure(table, np.ones(1, np.bool_))
    assert worth.clean == pytest.approx(150 / 25600 / 4)
    assert worth.worst == pytest.approx(150 / 25600, rel=0.05)
    assert worth.empty == 0.75
    assert worth.crowd == pytest.approx(1e6 / 25600 / 4)  # one piece on four pictures of 25600 pixels


def test_suggestions_leave_out_a_crowd_of_specks_that_is_false() -> None:
    def specked() -> Evidence:
        one = picture(right=200, false=0)
        one.probability[10, 10:30] = 60  # faint for the most part
        one.probability[100:160:2, 2:158:3] = 60  # as faint, more, and of one pixel each
        return one

    limits, _ = calibrate([specked() for _ in range(4)], [Promise()])
    _, suggest = judged(specked(), limits)
    assert suggest[10, :30].all()
    assert not suggest[102:].any()


@pytest.mark.parametrize(("right", "kept"), [(93, False), (94, True)])
def test_a_promise_holds_on_real_scans(right: int, kept: bool) -> None:
    worth = Figures(precision=right / 100, recall=0.5, clean=0.0, worst=0.0, empty=1.0, crowd=0.0)
    assert worth.keep(Promise(precision=0.9)) == kept, "half as many errors again are expected there"
