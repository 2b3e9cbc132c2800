"""Holes that are drawn at random."""

import numpy as np
import pytest

from pipeline.simulation.holes import KINDS, HoleBank, draw_hole


@pytest.mark.parametrize("kind", [None, *KINDS])
@pytest.mark.parametrize("size", [32, 128])
def test_holes_are_neither_empty_nor_everything(kind: str | None, size: int) -> None:
    rng = np.random.default_rng(2)
    for _ in range(15):
        hole = draw_hole(rng, size, kind)
        assert hole.shape == (size, size)
        assert hole.dtype == np.bool_
        assert 0 < hole.mean() <= 0.7


def test_holes_follow_from_the_seed() -> None:
    first, second = (draw_hole(np.random.default_rng(7), 64) for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize(("size", "kind"), [(8, None), (64, "moth")])
def test_holes_that_cannot_be_drawn_are_refused(size: int, kind: str | None) -> None:
    with pytest.raises(ValueError, match="hole"):
        draw_hole(np.random.default_rng(0), size, kind)


def test_a_bank_returns_symmetries_and_extra_holes() -> None:
    corner = np.zeros((32, 32), np.bool_)
    corner[:4, :9] = True
    bank = HoleBank(np.random.default_rng(0), 32, 2, [corner], extra_share=1.0)
    rng = np.random.default_rng(1)
    seen = {bank.pick(rng).tobytes() for _ in range(100)}
    assert len(seen) == 8
    assert all(np.frombuffer(hole, np.bool_).sum() == 36 for hole in seen)
