"""Chances become two masks: seeds, what grows from them, and what is too small."""

import numpy as np

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


def test_suggestions_contain_repairs() -> None:
    repair, suggest = levels(chances(), Thresholds(0.95, 0.9, 0.5, 0.5))
    assert np.count_nonzero(repair) == 2
    assert (suggest[repair > 0] == 255).all()
    assert (suggest[10, 2:12] == 255).all()


def test_sensitivity_moves_the_odds() -> None:
    assert move(0.5, 1.0) == 128
    assert move(0.8, 4.0) == 128  # odds of 4 : 1, a quarter of that
    assert 1 <= move(0.001, 1.0) <= move(0.999, 0.001) <= 255
