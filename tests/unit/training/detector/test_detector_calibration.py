"""Calibration: thresholds that keep promises on held-out photographs."""

import numpy as np
import pytest

from pipeline.detection.thresholds import apply_thresholds
from pipeline.training.detector.calibration import PROMISES, STRICTEST, Figures, Promise, calibrate, measure
from pipeline.training.detector.data import DAMAGED, INTACT, UNSURE
from pipeline.training.detector.evidence import Evidence, component_table


def picture(right: int, false: int, damaged: bool = True) -> Evidence:
    """A scratch that is given the chance `right`, and a wire elsewhere that is given `false`."""
    labels = np.full((40, 40), INTACT, np.uint8)
    chance = np.zeros((40, 40), np.uint8)
    if damaged:
        labels[10, 5:35] = DAMAGED
        chance[10, 5:35] = right
    chance[30, 5:35] = false
    return Evidence(chance, labels)


def evidence(right: int, false: int) -> list[Evidence]:
    damaged = [picture(right + index % 3, false - index % 5) for index in range(12)]
    return damaged + [picture(0, false - index % 7, damaged=False) for index in range(12)]


def test_repairs_keep_the_promise_and_suggestions_may_be_wrong() -> None:
    limits, table = calibrate(evidence(right=240, false=190), [Promise(precision=0.95, empty=1.0)])
    assert "| **repair**, 0.95 |" in table
    chance = evidence(right=240, false=190)[0].probability
    repair, suggest = apply_thresholds(chance, limits)
    assert (repair[10, 5:35] > 0).all()
    assert not repair[30].any()
    assert (suggest[10, 5:35] == 255).all()


def test_the_table_shows_the_chosen_thresholds_and_the_alternatives() -> None:
    limits, table = calibrate(evidence(right=240, false=190), [Promise(precision=0.95, empty=1.0)])
    head, _, repair, suggest, *others = ([cell.strip() for cell in line.split("|")[1:-1]] for line in table.split("\n"))
    assert head[:3] == ["level", "pixels from", "fewest pixels"]
    (chosen,) = limits.repairs
    assert repair[:3] == ["**repair**, 0.95", f"{chosen.chance:g}", f"{chosen.smallest}"]
    assert suggest[:3] == ["**suggest**", f"{limits.suggest:g}", ""]
    assert len(others) > 2 and all(row[0] == "suggest" and row[1] != suggest[1] for row in others)
    assert {len(row) for row in (head, repair, suggest, *others)} == {10}


def test_a_lower_precision_gives_more_recall() -> None:
    def mixed(index: int) -> Evidence:
        one = picture(right=250, false=200)
        one.probability[20, 5:35] = 200 + index % 3  # as sure as what is false, and as large
        one.labels[20, 5:35] = DAMAGED
        return one

    pictures = [mixed(index) for index in range(6)]
    limits, _ = calibrate(pictures, [Promise(0.3, empty=0.0), Promise(0.95, empty=0.0)])
    found = {
        wanted: apply_thresholds(mixed(0).probability, limits, precision=wanted)[0]
        for wanted in (0.2, 0.3, 0.7, 0.95, 0.98)
    }
    assert all(mask[10, 5:35].all() for mask in found.values())
    assert [bool(mask[20].any()) for mask in found.values()] == [True, True, False, False, False]
    assert [promise.precision for promise in PROMISES] == sorted(promise.precision for promise in PROMISES)


def test_the_strictest_choice_is_made_where_none_keeps_the_promise() -> None:
    limits, table = calibrate(evidence(right=200, false=230), [Promise(precision=1.01)])
    (chosen,) = limits.repairs
    assert (chosen.chance, chosen.smallest) == STRICTEST
    assert "**repair**" not in table


def test_a_network_that_marks_nothing_repairs_nothing() -> None:
    limits, table = calibrate(evidence(right=0, false=7), [Promise()])
    assert "too little" in table
    assert not apply_thresholds(np.full((5, 5), 250, np.uint8), limits)[0].any()


def test_unsure_pixels_are_neither_right_nor_wrong() -> None:
    one = picture(right=240, false=240)
    one.labels[28:33] = UNSURE
    worth = measure(component_table([one], lambda _: 128), np.ones(2, np.bool_))
    assert worth.precision == 1.0
    assert worth.recall == 1.0


def test_undamaged_pictures_are_counted_by_area_and_by_being_empty() -> None:
    clean = [picture(0, 255, damaged=False), *(picture(0, 0, damaged=False) for _ in range(3))]
    table = component_table(clean, lambda _: 128)
    worth = measure(table, np.ones(1, np.bool_))
    assert worth.clean == pytest.approx(30 / 1600 / 4)
    assert worth.worst == pytest.approx(30 / 1600, rel=0.05)
    assert worth.empty == 0.75
    assert worth.crowd == pytest.approx(1e6 / 1600 / 4)  # one piece on four pictures of 1600 pixels


def test_suggestions_leave_out_a_crowd_of_specks_that_is_false() -> None:
    def specked() -> Evidence:
        one = picture(right=200, false=0)
        one.probability[10, 15:35] = 60  # faint for the most part
        one.probability[20:40:2, 2:38:3] = 60  # as faint, more, and of one pixel each
        return one

    limits, _ = calibrate([specked() for _ in range(12)], [Promise()])
    _, suggest = apply_thresholds(specked().probability, limits)
    assert suggest[10, 5:35].all()
    assert not suggest[20:].any()


def test_the_smallest_area_excludes_confident_false_positives() -> None:
    def spotted() -> Evidence:
        one = picture(right=200, false=0)
        one.probability[18:23, 10:15] = 252  # surer than what is damage, and of 25 pixels
        one.labels[10, 2:38], one.probability[10, 2:38] = DAMAGED, 200  # of 36
        return one

    limits, _ = calibrate([spotted() for _ in range(6)], [Promise(empty=0.0)])
    assert limits.repairs[0].smallest == 32
    repair, _ = apply_thresholds(spotted().probability, limits)
    assert repair[10, 2:38].all() and not repair[18:23].any()


@pytest.mark.parametrize(("right", "kept"), [(94, False), (96, True)])
def test_a_promise_holds_for_damage_from_another_simulator(right: int, kept: bool) -> None:
    worth = Figures(precision=right / 100, recall=0.5, clean=0.0, worst=0.0, empty=1.0, crowd=0.0)
    assert worth.keep(Promise(precision=0.9)) == kept, "twice the errors are expected there"
