"""Batches and holes of digits follow from seed and step."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.engines.digits.fill import to_tensor
from pipeline.training.digits.batches import DigitBatchMaker
from pipeline.training.digits.holes import centred_hole, varied_holes


def to_pixels(images: torch.Tensor) -> np.ndarray:
    """Digits (N,1,28,28) −1..1 as (N,28,28) uint8."""
    return ((images[:, 0] + 1.0) * 127.5).round().clamp(0, 255).byte().numpy()


def test_pixels_come_back_exactly():
    every = np.arange(256, dtype=np.uint8).repeat(49).reshape(-1, 28, 28)[:16]
    values = to_tensor(every)
    assert values.min() == -1
    assert values.max() <= 1
    assert np.array_equal(to_pixels(values), every)


def test_a_batch_is_the_same_in_whatever_order_it_is_asked_for(digits):
    one = DigitBatchMaker(digits, 3, sizes=(10, 14), elsewhere=0.5, batch=32)
    other = DigitBatchMaker(digits, 3, sizes=(10, 14), elsewhere=0.5, batch=32)
    other.make(20)
    for part, same in zip(one.make(9), other.make(9), strict=True):
        assert torch.equal(part, same)
    assert not torch.equal(one.make(9).images, DigitBatchMaker(digits, 4, sizes=(10,), batch=32).make(9).images)


def test_an_epoch_shows_every_digit_once(digits):
    maker = DigitBatchMaker(digits, 1, sizes=(10,), batch=24)
    assert maker.steps_per_epoch == 10
    for epoch in (0, 1):
        seen = torch.cat([maker.make(10 * epoch + step).images for step in range(10)])
        totals = sorted(to_pixels(seen).astype(int).sum(axis=(1, 2)))
        assert totals == sorted(digits.images.astype(int).sum(axis=(1, 2)))


@pytest.mark.parametrize("size", [10, 14])
def test_holes_are_centred_squares(size):
    hole = centred_hole(size)
    assert hole.sum() == size * size
    assert np.array_equal(hole, hole[::-1, ::-1])


def test_other_holes_are_rectangles_inside_the_digit():
    holes = varied_holes(200, (10,), np.random.default_rng(0), share=1.0)
    for hole in holes:
        rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
        assert 4 <= len(rows) <= 16
        assert 4 <= len(columns) <= 16
        assert hole.sum() == len(rows) * len(columns)
