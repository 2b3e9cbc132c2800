"""Thresholds follow from what a detector says to held-out photographs."""

import json

import numpy as np
import pytest

from pipeline.damage.levels import NEVER, Thresholds, levels
from pipeline.training.detector_calibration import Promise, calibrate, judged_figures, of_pieces
from pipeline.training.detector_data import DAMAGED, INTACT, UNSURE
from pipeline.training.detector_evidence import Evidence, piece_table
from pipeline.training.piece_judge_fit import fit_judge


def picture(index: int, right: int, false: int, damaged: bool = True) -> Evidence:
    """A scratch that is given the chance `right`, and a wire elsewhere that is given `false`."""
    labels = np.full((40, 40), INTACT, np.uint8)
    chance = np.zeros((40, 40), np.uint8)
    if damaged:
        labels[10, 5:35] = DAMAGED
        chance[10, 5:35] = right
    chance[30, 5:35] = false
    return Evidence(chance, labels, index)


def evidence(right: int, false: int) -> list[Evidence]:
    damaged = [picture(index, right + index % 3, false - index % 5) for index in range(12)]
    return damaged + [picture(index, 0, false - index % 7, damaged=False) for index in range(12)]


def test_repairs_keep_the_promise_and_suggestions_may_be_wrong() -> None:
    limits, table = calibrate(evidence(right=240, false=190), Promise(precision=0.95, empty=1.0))
    assert "repair, by the surest pixel" in table
    chance = evidence(right=240, false=190)[0].chance
    repair, suggest = levels(chance, limits)
    assert (repair[10, 5:35] > 0).all()
    assert not repair[30].any()
    assert (suggest[10, 5:35] == 255).all()


def test_the_judge_travels_with_the_thresholds() -> None:
    table = piece_table(evidence(right=240, false=190), 128, 4)
    limits = Thresholds(0.6, 0.5, judge=fit_judge(table, np.ones(len(table.photo), np.bool_)))
    again = Thresholds.from_json(limits.as_json())
    chance = evidence(right=240, false=190)[0].chance
    for before, after in zip(levels(chance, limits), levels(chance, again), strict=True):
        assert np.array_equal(after, before)
    assert json.loads(json.dumps(limits.numbers()))["suggest"] == limits.suggest, "a card tells them"
    broken = limits.as_json().replace('"out_bias"', '"hidden_bias"')
    with pytest.raises((ValueError, KeyError)):
        Thresholds.from_json(broken)


def test_without_any_that_keeps_it_repairs_are_as_rare_as_can_be() -> None:
    limits, _ = calibrate(evidence(right=200, false=230), Promise(precision=1.01))
    assert limits.repair == pytest.approx(0.995)


def test_a_network_that_marks_nothing_repairs_nothing() -> None:
    limits, table = calibrate(evidence(right=0, false=7), Promise())
    assert limits.judge is None
    assert "too little" in table
    assert not levels(np.full((9, 9), 250, np.uint8), limits)[0].any()


def test_doubtful_pixels_count_neither_way() -> None:
    one = picture(0, right=240, false=240)
    one.labels[28:33] = UNSURE
    worth = of_pieces(piece_table([one], 128, 4), np.ones(2, np.bool_))
    assert worth.precision == 1.0
    assert worth.recall == 1.0


def test_undamaged_pictures_are_counted_by_area_and_by_being_empty() -> None:
    clean = [picture(0, 0, 255, damaged=False), *(picture(index, 0, 0, damaged=False) for index in (1, 2, 3))]
    table = piece_table(clean, 128, 4)
    worth = of_pieces(table, np.ones(1, np.bool_))
    assert worth.clean == pytest.approx(30 / 1600 / 4)
    assert worth.worst == pytest.approx(30 / 1600, rel=0.05)
    assert worth.empty == 0.75
    assert worth.crowd == pytest.approx(1e6 / 1600 / 4)  # one piece on four pictures of 1600 pixels


def test_suggestions_leave_out_a_crowd_of_specks_that_is_false() -> None:
    def specked(index: int) -> Evidence:
        one = picture(index, right=200, false=0)
        one.chance[20:28:2, 2:38:3] = 60  # where a scratch would be suggested, and of one pixel each
        return one

    limits, _ = calibrate([specked(index) for index in range(12)], Promise())
    _, suggest = levels(specked(0).chance, limits)
    assert suggest[10, 5:35].all()
    assert not suggest[20:28].any()


def patch(index: int, right: int, false: int) -> Evidence:
    """A flaked patch that is given the chance `right`, and a bow elsewhere that is given `false`, both wide."""
    labels = np.full((200, 200), INTACT, np.uint8)
    chance = np.zeros((200, 200), np.uint8)
    labels[20:70, 20:80] = DAMAGED
    chance[20:70, 20:80] = right
    chance[120:170, 120:180] = false
    labels[5, 5:35], chance[5, 5:35] = DAMAGED, 250
    return Evidence(chance, labels, index)


def test_by_a_judge_wide_pieces_are_repaired_only_where_they_are_right() -> None:
    told_apart = piece_table([patch(index, 250 - index % 3, 170) for index in range(12)], 128, 4)
    assert any(wide < NEVER for _, wide in judged_figures(told_apart, Promise()))
    alike = piece_table([patch(index, 240, 240) for index in range(12)], 128, 4)
    assert {wide for _, wide in judged_figures(alike, Promise())} == {NEVER}


def test_the_way_that_finds_more_is_taken() -> None:
    by_pixel, _ = calibrate(evidence(right=240, false=190), Promise(empty=1.0))
    assert by_pixel.judge is None
    bars = [picture(index, 240 + index % 3, 0) for index in range(12)]
    for index, one in enumerate(bars):  # a window bar: one sure pixel among doubtful ones
        one.chance[30, 5:35], one.chance[30, 6 + index] = 235, 250
    by_judge, _ = calibrate(bars, Promise(empty=0.0))
    assert by_judge.judge is not None
