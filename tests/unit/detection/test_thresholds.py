"""Probabilities become two masks; components that are unlikely or too small are left out."""

import numpy as np
import pytest

from pipeline.detection.thresholds import (
    RepairThreshold,
    Thresholds,
    adjust_threshold,
    apply_thresholds,
    components_above,
    limit_coverage,
)


def probabilities() -> np.ndarray:
    probability = np.zeros((20, 20), np.uint8)
    probability[2, 2:12] = 150  # a crack, faint but for one place
    probability[2, 5] = 250
    probability[10, 2:12] = 150  # faint all along
    probability[15, 15] = 250  # a single certain pixel
    return probability


def test_a_component_is_as_likely_as_its_most_certain_pixel() -> None:
    mask = components_above(probabilities(), 140)
    assert (mask[2, 2:12] == 250).all()
    assert (mask[10, 2:12] == 150).all()
    assert mask[15, 15] == 250
    assert not components_above(probabilities(), 160)[10].any()


def test_components_of_too_few_pixels_are_left_out() -> None:
    mask = components_above(probabilities(), 140, smallest=2)
    assert mask[15, 15] == 0
    assert mask[2, 2] == 250


def test_a_speck_is_as_many_units_on_any_scan() -> None:
    for side, pixels, kept in ((512, 15, False), (512, 16, True), (1024, 63, False), (1024, 64, True)):
        probability = np.zeros((side, side), np.uint8)
        probability[5, 5 : 5 + pixels] = 120
        probability[9, 9] = 200  # a speck, and sure
        mask = components_above(probability, 100, speck=150)
        assert mask[5].any() == kept
        assert mask[9, 9] == 200


def test_suggestions_contain_repairs() -> None:
    repair, suggest = apply_thresholds(probabilities(), Thresholds((RepairThreshold(0.95, 0.9, 1),), 0.5))
    assert np.argwhere(repair).tolist() == [[2, 5], [15, 15]]
    assert (suggest[repair > 0] == 255).all()
    assert (suggest[10, 2:12] == 255).all()


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
    _, suggest = apply_thresholds(probability, Thresholds(suggest=0.4))
    assert suggest[40:50, 40:60].all()
    assert np.count_nonzero(suggest) == 200
    assert limit_coverage(probability, 150) == 150, "where suggestions cover little, nothing changes"
    assert limit_coverage(np.full((9, 9), 255, np.uint8), 100) == 255
