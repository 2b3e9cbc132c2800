"""Marked regions by kind: counted over a batch, described in each language, and empty where nothing was counted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.reports.language import Language
from pipeline.reports.page_regions import RegionCounts, count_regions, describe_regions


def marks(outcome: str, kinds: Any = "", left: Any = "") -> dict[str, str]:
    """A row with marks by kind."""
    texts = [found if isinstance(found, str) else json.dumps(found) for found in (kinds, left)]
    return {"outcome": outcome, "kinds": texts[0], "suggested_kinds": texts[1]}


ROWS = [
    # One mark was filled in part: it is a repair, and what is left of it a mark of its own.
    marks("restored", {"repair": {"dust": 3, "scratch": 1}, "suggest": {"hair": 1}}, {"hair": 1, "scratch": 1}),
    marks("unchanged"),
    marks("review", {"repair": {"dust": 1}}, {"dust": 1}),
    marks("failed", {"repair": {"dust": 7}}, {"hair": 7}),
]


def test_regions_of_a_batch_add_up() -> None:
    found = count_regions(ROWS)
    assert found == RegionCounts({"dust": 3, "scratch": 1}, {"hair": 1, "scratch": 1, "dust": 1})
    assert count_regions([marks("restored")]) == RegionCounts()


def test_regions_in_words() -> None:
    english = describe_regions(count_regions(ROWS), Language("en"))
    assert english == "4 filled (3 dust, 1 scratch), 3 not filled (1 hair, 1 scratch, 1 dust)"
    german = describe_regions(count_regions(ROWS), Language("de"))
    assert german.startswith("4 gefüllt (3 Staub, 1 Kratzer), 3 nicht gefüllt")
    assert describe_regions(RegionCounts(), Language("en")) == ""
    assert "1 moth" in describe_regions(RegionCounts({"moth": 1}), Language("en")), "a kind without a name has its own"


@pytest.mark.parametrize("kinds", ["no json", "[1]", '{"repair": 3}', '{"repair": {"dust": "many"}}'])
def test_what_is_not_a_count_counts_as_none(kinds: str) -> None:
    assert count_regions([marks("restored", kinds, "no json")]) == RegionCounts()
