"""Budgets, learning rates, crop sizes and the decay of the average."""

import pytest

from pipeline.training.common.schedule import Budget, crop_plan, ema_decay, learning_rate


def test_a_budget_is_exactly_one_of_three() -> None:
    for wrong in ({}, {"steps": 1, "hours": 1.0}, {"steps": -1}):
        with pytest.raises(ValueError, match="budget"):
            Budget(**wrong)  # type: ignore[arg-type]
    assert Budget(steps=100).progress(25, 1e9) == 0.25
    assert Budget(hours=1).progress(10**9, 900) == 0.25
    assert Budget(until=0.0).progress(5, 10.0) == 1.0
    assert Budget(steps=0).progress(0, 0.0) == 1.0
    assert Budget(hours=0.0).progress(0, 0.0) == 1.0


def test_the_rate_warms_up_stays_and_cools_down() -> None:
    assert learning_rate(1.0, 0, 0.0, warm_up=10) == 0.1
    assert learning_rate(1.0, 50, 0.5, warm_up=10) == 1.0
    assert learning_rate(1.0, 99, 1.0, warm_up=10) == pytest.approx(0.01)
    falling = [learning_rate(1.0, 99, share / 100, warm_up=10) for share in range(70, 101)]
    assert falling == sorted(falling, reverse=True)


def test_the_last_fifth_has_larger_crops_of_about_as_many_pixels() -> None:
    assert crop_plan(3, 0.5, 128, 8) == (128, 8)
    for step, expected in ((10, (192, 4)), (11, (256, 2))):
        assert crop_plan(step, 0.9, 128, 8) == expected
    assert crop_plan(11, 0.9, 128, 1) == (256, 1)


def test_the_decay_of_the_average_starts_low_and_ends_high() -> None:
    assert ema_decay(0) < 0.1
    assert ema_decay(10**6) == 0.9995
