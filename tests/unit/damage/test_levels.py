"""Chances become two masks: seeds, what grows from them, and what is too small."""

import json

import numpy as np
import pytest

from pipeline.damage.levels import Thresholds, levels, move, pieces_above


def chances() -> np.ndarray:
    chance = np.zeros((20, 20), np.uint8)
    chance[2, 2:12] = 150  # a crack, faint but for one place
    chance[2, 5] = 250
    chance[10, 2:12] = 150  # faint all along
    chance[15, 15] = 250  # a single certain pixel
    return chance


def test_a_piece_grows_from_its_certain_part_to_its_faint_ends() -> None:
    mask = pieces_above(chances(), seed=240, grow=140)
    assert (mask[2, 2:12] == 250).all()
    assert not mask[10].any()
    assert mask[15, 15] == 250


def test_pieces_of_too_few_pixels_are_left_out() -> None:
    mask = pieces_above(chances(), seed=240, grow=140, smallest=2)
    assert mask[15, 15] == 0
    assert mask[2, 2] == 250


def test_a_speck_is_as_many_units_on_any_scan() -> None:
    for side, pixels, kept in ((512, 15, False), (512, 16, True), (1024, 63, False), (1024, 64, True)):
        chance = np.zeros((side, side), np.uint8)
        chance[5, 5 : 5 + pixels] = 120
        chance[9, 9] = 200  # a speck, and sure
        mask = pieces_above(chance, seed=100, grow=100, speck=150)
        assert mask[5].any() == kept
        assert mask[9, 9] == 200


def test_suggestions_contain_repairs() -> None:
    repair, suggest = levels(chances(), Thresholds(0.95, 0.9, 0.5, 0.5))
    assert np.count_nonzero(repair) == 2
    assert (suggest[repair > 0] == 255).all()
    assert (suggest[10, 2:12] == 255).all()


def test_sensitivity_moves_the_odds() -> None:
    assert move(0.5, 1.0) == 128
    assert move(0.8, 4.0) == 128  # odds of 4 : 1, a quarter of that
    assert 1 <= move(0.001, 1.0) <= move(0.999, 0.001) <= 255


def test_thresholds_are_read_as_they_were_written() -> None:
    limits = Thresholds(0.9, 0.8, 0.3, 0.2, 7, 0.6)
    assert Thresholds.from_json(limits.as_json()) == limits
    with pytest.raises(TypeError):
        Thresholds.from_json('{"mended": 0.9}')


def test_older_headers_are_read_where_no_judge_decides() -> None:
    header = {"repair": 0.8, "repair_grow": 0.7, "suggest": 0.25, "suggest_grow": 0.25, "smallest": 32,
              "repair_wide": 0.999, "suggest_speck": 0.5, "judge": None}  # fmt: skip
    assert Thresholds.from_json(json.dumps(header)) == Thresholds(0.8, 0.7, 0.25, 0.25, 32, 0.5)
    with pytest.raises(ValueError, match="judge"):
        Thresholds.from_json(json.dumps({**header, "judge": {"out_bias": 1.0}}))
