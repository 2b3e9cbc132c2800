"""Smaller pictures look like averages and keep their shape."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.imaging import reduce as module
from pipeline.imaging.reduce import reduce, reduced_size


@pytest.mark.parametrize("halved", [0, 1 << 30])
@pytest.mark.parametrize(
    ("size", "long_side"), [((1154, 866), 760), ((1154, 866), 320), ((761, 97), 100), ((60, 1), 7)]
)
def test_a_picture_has_the_size_asked_for_and_its_own_tone(
    size: tuple[int, int], long_side: int, halved: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HALVED", halved)
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    small = reduce(pixels, long_side)
    assert small.shape[1::-1] == reduced_size(*size, long_side)
    assert max(small.shape[:2]) == long_side
    assert abs(float(small.mean()) - float(pixels.mean())) < 12
    assert small.std() < pixels.std(), "neighbours are averaged"


def test_a_picture_that_fits_is_returned_as_it_is() -> None:
    pixels = np.zeros((30, 40), np.uint16)
    assert reduce(pixels, 40) is pixels
