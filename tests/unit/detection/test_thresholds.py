"""Thresholds are read as they were written, and scaled on the scale of odds."""

import numpy as np
import pytest

from pipeline.detection.thresholds import (
    RepairThreshold,
    Thresholds,
    adjust_threshold,
    find_specks,
    limit_coverage,
)
from pipeline.imaging.connected_components import connected_components


def test_a_speck_is_as_many_units_on_any_scan() -> None:
    for side, pixels, speck in ((512, 15, True), (512, 16, False), (1024, 63, True), (1024, 64, False)):
        probability = np.zeros((side, side), np.uint8)
        probability[5, 5 : 5 + pixels] = 120
        assert find_specks(connected_components(probability), probability).tolist() == [speck]


def test_sensitivity_divides_the_odds() -> None:
    assert adjust_threshold(0.5, 1.0) == 128
    assert adjust_threshold(0.8, 4.0) == 128  # odds of 4 : 1, a quarter of that
    assert 1 <= adjust_threshold(0.001, 1.0) <= adjust_threshold(0.999, 0.001) <= 255


def test_thresholds_are_read_as_they_were_written() -> None:
    limits = Thresholds((RepairThreshold(0.9, 0.8, 32), RepairThreshold(0.95, 0.9, 64)), 0.3, 0.6)
    assert Thresholds.from_json(limits.as_json()) == limits
    for header in ('{"unknown": 0.9}', '{"repairs": []}', '{"repairs": [{"precision": 0.9}]}'):
        with pytest.raises((KeyError, TypeError, ValueError)):
            Thresholds.from_json(header)
    before = '{"repairs": [{"precision": 0.9, "chance": 0.8, "smallest": 32, "doubt": 1.0}]}'
    with pytest.raises(ValueError, match="calibrates it again"):
        Thresholds.from_json(before)
    with pytest.raises(ValueError, match="rising"):
        Thresholds.from_json(Thresholds(limits.repairs[::-1]).as_json())


def test_the_thresholds_of_the_wanted_precision_are_taken_or_else_the_strictest() -> None:
    limits = Thresholds(tuple(RepairThreshold(precision, precision, 1) for precision in (0.9, 0.95)))
    wanted = {0.5: 0.9, 0.9: 0.9, 0.92: 0.95, 0.95: 0.95, 0.98: 0.95}
    assert {asked: limits.of_precision(asked).precision for asked in wanted} == wanted


def test_a_picture_suspected_all_over_gets_suggestions_only_where_damage_is_likeliest() -> None:
    probability = np.full((100, 100), 120, np.uint8)
    probability[40:50, 40:60] = 200
    assert limit_coverage(probability, 100) == 121
    assert limit_coverage(probability, 150) == 150, "where suggestions cover little, nothing changes"
    assert limit_coverage(np.full((9, 9), 255, np.uint8), 100) == 255
