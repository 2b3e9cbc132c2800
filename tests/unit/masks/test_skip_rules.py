"""What is marked and not filled: counted piece by piece, rims of repairs left out."""

from __future__ import annotations

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


def piece(box: Box, level: Any = "suggest", kind: str = "dust") -> Component:
    return Component(kind, level, box, box[2] * box[3], None, "because")


SCRATCH, SPOT, HAIR = (10, 10, 3, 100), (80, 80, 10, 10), (120, 20, 60, 4)


def test_suggestions_are_counted_by_kind_and_the_mask_holds_nothing_else() -> None:
    fill, suspected = painted(SCRATCH), painted(SCRATCH, SPOT, HAIR)
    pieces = [piece(SCRATCH, "repair", "scratch"), piece(SPOT), piece(HAIR, kind="hair")]
    found = find_skipped(fill, suspected, pieces)
    assert found.kinds == {"dust": 1, "hair": 1} and found.count == 2
    assert np.array_equal(found.mask, painted(SPOT, HAIR))
    assert found.share == pytest.approx((100 + 240) / 40000)


def test_the_rim_of_a_repair_is_no_mark_of_its_own() -> None:
    wider = (8, 8, 7, 104)
    found = find_skipped(painted(SCRATCH), painted(SCRATCH, wider), [piece(SCRATCH, "repair", "scratch")])
    assert found.count == 0 and not found.mask.any()


def test_a_rim_is_wider_on_a_larger_scan() -> None:
    box, wider = (100, 100, 40, 400), (92, 92, 56, 416)
    pieces = [piece(box, "repair", "scratch")]
    for side, marks in ((512, 1), (1200, 0)):
        shape = (side, side)
        assert find_skipped(painted(box, shape=shape), painted(box, wider, shape=shape), pieces).count == marks


def test_what_is_left_of_a_piece_that_was_filled_in_part_counts_once() -> None:
    crack, certain = (10, 50, 180, 4), (80, 50, 30, 4)
    found = find_skipped(painted(certain), painted(crack), [piece(crack, "repair", "crack")])
    assert found.kinds == {"crack": 1}, "both ends together"
    assert np.array_equal(found.mask, painted(crack) - painted(certain))


def test_a_small_suggestion_beside_a_repair_is_kept() -> None:
    beside = (14, 40, 2, 2)
    found = find_skipped(painted(SCRATCH), painted(SCRATCH, beside), [piece(beside)])
    assert found.kinds == {"dust": 1} and found.mask.any()


def test_where_nothing_is_filled_every_piece_counts() -> None:
    suspected = painted(SCRATCH, SPOT)
    pieces = [piece(SCRATCH, "repair", "scratch"), piece(SPOT)]
    found = find_skipped(np.zeros_like(suspected), suspected, pieces)
    assert found.kinds == {"scratch": 1, "dust": 1} and np.array_equal(found.mask, suspected)


def test_what_nobody_explained_counts_as_other() -> None:
    found = find_skipped(painted(SCRATCH), painted(SCRATCH, SPOT, HAIR), [])
    assert found.kinds == {OTHER: 2}


def test_an_explanation_of_what_is_filled_by_now_does_not_count() -> None:
    found = find_skipped(painted(SPOT), painted(SPOT, HAIR), [piece(SPOT), piece(HAIR, kind="hair")])
    assert found.kinds == {"hair": 1}


def test_pieces_and_mask_are_there_together_or_not_at_all() -> None:
    random = np.random.default_rng(3)
    for _ in range(30):
        boxes: list[Box] = [
            (*map(int, random.integers(0, 170, 2)), *map(int, random.integers(1, 30, 2))) for _ in range(9)
        ]  # type: ignore[misc]
        fill = painted(*boxes[:3])
        pieces = [piece(box, "repair") for box in boxes[:3]] + [piece(box) for box in boxes[3:7]]
        found = find_skipped(fill, painted(*boxes), pieces)
        assert (found.count > 0) == found.mask.any()
        assert not (found.mask[fill > 0]).any()
    assert Skipped().count == 0 and Skipped().share == 0
