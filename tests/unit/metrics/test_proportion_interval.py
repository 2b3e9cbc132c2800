"""The interval of a share: published values, and its coverage by counting."""

from __future__ import annotations

import math

import pytest
from scipy.stats import binomtest

from pipeline.metrics.proportion_interval import proportion_interval


@pytest.mark.parametrize(("hits", "total"), [(0, 10), (1, 10), (3, 20), (10, 10), (263, 10_000)])
def test_it_is_wilsons(hits: int, total: int) -> None:
    wanted = binomtest(hits, total).proportion_ci(0.95, method="wilson")
    assert proportion_interval(hits, total) == pytest.approx((wanted.low, wanted.high), abs=1e-9)


def test_without_an_observation_nothing_is_known() -> None:
    assert proportion_interval(0, 0) == (0.0, 1.0)
    for hits, total in ((1, 0), (-1, 5)):
        with pytest.raises(ValueError, match="is no share"):
            proportion_interval(hits, total)


def test_it_holds_the_true_share_in_about_95_of_100_samples() -> None:
    for share in (0.05, 0.2, 0.5):
        held = 0.0
        for hits in range(41):
            low, high = proportion_interval(hits, 40)
            if low <= share <= high:
                held += math.comb(40, hits) * share**hits * (1 - share) ** (40 - hits)
        assert 0.92 < held < 0.985
