"""Manifests: Parquet files that come back as they were written."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline.stages import manifest
from pipeline.stages.scan_row import ScanRow, schema


def row(number: int, **given: Any) -> ScanRow:
    fixed: dict[str, Any] = {"scan_id": number, "path": f"{number}.png", "sha256": f"{number:064}"}
    return ScanRow(**fixed | given)


def test_a_manifest_comes_back_as_it_was_written(tmp_path: Path) -> None:
    uri = f"{tmp_path}/chunks/0001-x.received.parquet"
    manifest.write(uri, [row(1, path="Größe\n<b>.png", bytes=3), row(2, coverage=0.5)])
    first, second = manifest.read(uri)
    assert (first.path, first.bytes, first.width) == ("Größe\n<b>.png", 3, None)
    assert math.isnan(second.coverage) and "coverage" not in pq.read_table(uri).column_names
    masked = manifest.sibling(uri, "masked")
    assert masked.endswith("0001-x.masked.parquet") and manifest.step_of(masked) == "masked"
    manifest.write(masked, [first])
    (again,) = manifest.read(masked)
    assert math.isnan(again.coverage) and again.mask_uri == "" and again.components is None


def test_an_empty_manifest_keeps_its_columns(tmp_path: Path) -> None:
    manifest.write(f"{tmp_path}/0001-x.published.parquet", [])
    assert manifest.read(f"{tmp_path}/0001-x.published.parquet") == []
    assert "outcome" in schema("published").names and "outcome" not in schema("measured").names
