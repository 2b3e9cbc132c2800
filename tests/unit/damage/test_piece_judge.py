"""Pieces are judged by figures that do not depend on the scan's size."""

import numpy as np

from pipeline.damage.connected import connected
from pipeline.damage.levels import WIDE, pieces_above
from pipeline.damage.piece_judge import FIGURES, PieceJudge, piece_figures


def figures(chance: np.ndarray) -> np.ndarray:
    return piece_figures(chance, connected(chance, 128))


def line(size: int) -> np.ndarray:
    """A line across a tenth of the side, of doubtful pixels and a sure one, and a sure spot."""
    chance = np.zeros((size, size), np.uint8)
    step = size // 512
    chance[100 * step : 103 * step, 50 * step : 150 * step] = 140
    chance[101 * step, 60 * step] = 250
    chance[300 * step : 310 * step, 300 * step : 310 * step] = 250
    return chance


def test_figures_tell_the_surest_pixel_from_the_whole_piece() -> None:
    doubtful, sure = figures(line(512))
    assert doubtful[0] == sure[0], "both have a pixel of 250"
    assert doubtful[1] < 1 < 3 < sure[1], "but not on average"
    assert doubtful[5] > 3 > sure[5], "and one is a line"


def test_figures_do_not_grow_with_the_scan() -> None:
    assert np.allclose(figures(line(512)), figures(line(1024)), atol=0.25)


def test_no_piece_has_no_figures() -> None:
    assert figures(np.zeros((9, 9), np.uint8)).shape == (0, FIGURES)


def test_single_pixels_and_a_full_picture_are_judged() -> None:
    judge = PieceJudge(np.zeros(6), np.ones(6), np.eye(2, 6), np.zeros(2), np.ones(2), 0.0)
    speck = np.zeros((5, 5), np.uint8)
    speck[2, 2] = 255
    for chance in (speck, np.full((5, 5), 255, np.uint8)):
        answer = judge.chances(figures(chance))
        assert answer.shape == (1,)
        assert 0 <= answer[0] <= 1


def test_what_is_wide_must_be_surer() -> None:
    sure = PieceJudge(np.zeros(6), np.ones(6), np.zeros((2, 6)), np.zeros(2), np.ones(2), 4.0)  # .982, whatever it is
    chance = np.zeros((512, 512), np.uint8)
    chance[100:103, 50:250] = 250  # a scratch
    wide = int(2 * WIDE)
    chance[300 : 300 + wide, 300 : 300 + wide] = 250  # a flake, or a bow of cloth
    for needed, repaired in ((255, False), (252, False), (249, True)):
        mask = pieces_above(chance, seed=240, grow=128, judge=sure, wide=needed)
        assert mask[101, 100] > 0
        assert mask[300:].any() == repaired
