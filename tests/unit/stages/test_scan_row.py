"""The columns of a scan's row."""

from __future__ import annotations

import math
from typing import Any

import pytest

from pipeline.reports import frames
from pipeline.stages.scan_row import Masked, ScanRow, failed, figures, schema


def row(number: int, **given: Any) -> ScanRow:
    fixed: dict[str, Any] = {"scan_id": number, "path": f"{number}.png", "sha256": f"{number:064}"}
    return ScanRow(**fixed | given)


def test_figures_have_no_uris_and_no_blanks() -> None:
    found = row(1, mask_uri="/x", components_json="[]", coverage=0.5, mask_note="", mask_seconds=math.nan)
    assert figures(found, Masked) == {"coverage": 0.5}


def test_the_columns_of_a_manifest_are_those_of_all_steps_so_far() -> None:
    assert schema("received").names[:4] == ["scan_id", "path", "uri", "sha256"]
    assert schema("masked").names[: len(schema("received"))] == schema("received").names
    assert {str(column.type) for column in schema("published")} == {"string", "int64", "double", "bool"}
    with pytest.raises(ValueError, match="not a step"):
        schema("received twice")


def test_reports_read_only_columns_of_a_scan_row() -> None:
    assert {*frames.TEXT, *frames.NUMBERS, frames.TRUTH} <= set(schema("published").names)


def test_a_stage_sets_all_columns_of_its_step_and_no_others() -> None:
    found = row(1, mask_uri="/old", engine="rn")
    found.update(Masked(coverage=0.25))
    assert (found.mask_uri, found.coverage, found.engine) == ("", 0.25, "rn")
    found.update(failed("error", "it broke"))
    assert (found.decision, found.reason, found.is_stopped, found.engine) == ("failed", "error", True, "rn")
    assert found.part(Masked).coverage == 0.25
