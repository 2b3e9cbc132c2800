"""Groups of pairs, and ranges of numbers."""

import numpy as np
import pytest

from pipeline.imaging.joined import expand, join_pairs


@pytest.mark.parametrize("seed", range(5))
def test_things_get_the_least_number_of_what_they_are_connected_to(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, 60, (2, 40))
    expected = list(range(60))
    for _ in range(60):
        for first, second in zip(one.tolist(), other.tolist(), strict=True):
            expected[first] = expected[second] = min(expected[first], expected[second])
    assert join_pairs(60, one, other).tolist() == expected


def test_ranges_follow_each_other() -> None:
    assert expand(np.array([5, 9, 0]), np.array([2, 0, 3])).tolist() == [5, 6, 0, 1, 2]
    assert expand(np.zeros(0, np.int64), np.zeros(0, np.int64)).tolist() == []
