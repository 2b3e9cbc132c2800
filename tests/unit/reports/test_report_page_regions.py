"""Marked regions by kind: counted over a batch, described in each language, and empty where nothing was counted."""

from __future__ import annotations

import json

import pytest

from pipeline.reports.language import Language
from pipeline.reports.page_regions import RegionCounts, count_regions, describe_regions

ROWS = [
    (json.dumps({"repair": {"dust": 3, "scratch": 1}, "suggest": {"hair": 2}}), json.dumps({"face": 1})),
    (json.dumps({"repair": {"dust": 1}}), ""),
    ("", ""),
]


def test_regions_of_a_batch_add_up() -> None:
    found = count_regions(ROWS)
    assert found == RegionCounts({"dust": 4, "scratch": 1}, {"hair": 2}, {"face": 1})
    assert count_regions([("", "")]) == RegionCounts()


def test_regions_in_words() -> None:
    english = describe_regions(count_regions(ROWS), Language("en"))
    assert english == "5 to fill (4 dust, 1 scratch), 2 only suggested (2 hair), 1 excluded on faces"
    german = describe_regions(count_regions(ROWS), Language("de"))
    assert german.startswith("5 zu füllen (4 Staub, 1 Kratzer)") and "Gesichtern" in german
    assert describe_regions(RegionCounts(), Language("en")) == ""
    assert "1 moth" in describe_regions(RegionCounts({"moth": 1}), Language("en")), "a kind without a name has its own"


@pytest.mark.parametrize("kinds", ["no json", "[1]", '{"repair": 3}', '{"repair": {"dust": "many"}}'])
def test_what_is_not_a_count_counts_as_none(kinds: str) -> None:
    assert count_regions([(kinds, "")]) == RegionCounts()
