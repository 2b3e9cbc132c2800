"""What is masked and not filled: counted by component, without the rims of repairs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipeline.detection.types import Component
from pipeline.masks.skip_rules import OTHER, Skipped, find_skipped

Box = tuple[int, int, int, int]


def painted(*boxes: Box, shape: tuple[int, int] = (200, 200)) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    for x, y, width, height in boxes:
        mask[y : y + height, x : x + width] = 255
    return mask


def component(box: Box, level: Any = "suggest", kind: str = "dust") -> Component:
    return Component(kind, level, box, box[2] * box[3], None, "because")


SCRATCH, SPOT, HAIR = (10, 10, 3, 100), (80, 80, 10, 10), (120, 20, 60, 4)


def test_suggestions_are_counted_by_kind_and_the_mask_holds_nothing_else() -> None:
    fill, suspected = painted(SCRATCH), painted(SCRATCH, SPOT, HAIR)
    components = [component(SCRATCH, "repair", "scratch"), component(SPOT), component(HAIR, kind="hair")]
    found = find_skipped(fill, suspected, components)
    assert found.kinds == {"dust": 1, "hair": 1} and found.count == 2 and found.reasons == {"doubt": 2}
    assert np.array_equal(found.mask, painted(SPOT, HAIR))
    assert found.share == pytest.approx((100 + 240) / 40000)


def test_the_rim_of_a_repair_is_not_counted() -> None:
    wider = (8, 8, 7, 104)
    found = find_skipped(painted(SCRATCH), painted(SCRATCH, wider), [component(SCRATCH, "repair", "scratch")])
    assert found.count == 0 and not found.mask.any()


def test_a_rim_is_wider_on_a_larger_scan() -> None:
    box, wider = (100, 100, 40, 400), (92, 92, 56, 416)
    components = [component(box, "repair", "scratch")]
    for side, marks in ((512, 1), (1200, 0)):
        shape = (side, side)
        assert find_skipped(painted(box, shape=shape), painted(box, wider, shape=shape), components).count == marks


def test_what_is_left_of_a_component_filled_in_part_counts_once() -> None:
    crack, certain = (10, 50, 180, 4), (80, 50, 30, 4)
    found = find_skipped(painted(certain), painted(crack), [component(crack, "repair", "crack")])
    assert found.kinds == {"crack": 1}, "both ends together"
    assert np.array_equal(found.mask, painted(crack) - painted(certain))


def test_a_small_suggestion_beside_a_repair_is_kept() -> None:
    beside = (14, 40, 2, 2)
    found = find_skipped(painted(SCRATCH), painted(SCRATCH, beside), [component(beside)])
    assert found.kinds == {"dust": 1} and found.mask.any()


def test_where_nothing_is_filled_every_component_counts() -> None:
    suspected = painted(SCRATCH, SPOT)
    components = [component(SCRATCH, "repair", "scratch"), component(SPOT)]
    found = find_skipped(np.zeros_like(suspected), suspected, components)
    assert found.kinds == {"scratch": 1, "dust": 1} and np.array_equal(found.mask, suspected)
    assert found.reasons == {"review": 1, "doubt": 1}


def test_what_keeps_a_mark_from_being_filled_is_counted() -> None:
    components = [replace(component(SPOT), left="face"), component(HAIR), component(SCRATCH, "repair")]
    found = find_skipped(painted(SCRATCH), painted(SCRATCH, SPOT, HAIR), components)
    assert found.reasons == {"face": 1, "doubt": 1}


def test_what_no_detector_described_counts_as_other() -> None:
    found = find_skipped(painted(SCRATCH), painted(SCRATCH, SPOT, HAIR), [])
    assert found.kinds == {OTHER: 2}


def test_a_component_that_is_filled_meanwhile_does_not_count() -> None:
    found = find_skipped(painted(SPOT), painted(SPOT, HAIR), [component(SPOT), component(HAIR, kind="hair")])
    assert found.kinds == {"hair": 1}


def test_the_count_is_zero_exactly_when_the_mask_is_empty() -> None:
    random = np.random.default_rng(3)
    for _ in range(30):
        boxes: list[Box] = [
            (*map(int, random.integers(0, 170, 2)), *map(int, random.integers(1, 30, 2))) for _ in range(9)
        ]  # type: ignore[misc]
        fill = painted(*boxes[:3])
        components = [component(box, "repair") for box in boxes[:3]] + [component(box) for box in boxes[3:7]]
        found = find_skipped(fill, painted(*boxes), components)
        assert (found.count > 0) == found.mask.any()
        assert sum(found.reasons.values()) == found.count
        assert not (found.mask[fill > 0]).any()
    assert Skipped().count == 0 and Skipped().share == 0
