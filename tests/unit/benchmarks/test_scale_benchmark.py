"""The figures of the benchmark of large collections, on small ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.known_files import measure_known
from benchmarks.scale import measure_listing, measure_stages


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    # What the benchmark sets for its processes is taken back after the test.
    for name in ("RESTORATION_LEDGER_URL", "RESTORATION_TASK_SLOTS", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID",
                 "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):  # fmt: skip
        monkeypatch.setenv(name, "")


def test_each_scan_of_a_collection_has_one_outcome(tmp_path: Path) -> None:
    found = measure_stages(tmp_path, scans=3, writers=1, url="")
    assert found["rows"]["ledger_outcomes"] == found["rows"]["ledger_scans"] == 3
    assert [row["scans"] for row in found["batches"]] == [3]
    assert len(list((tmp_path / "out" / "restored").rglob("*.png"))) == 3


def test_a_bucket_is_listed_a_thousand_keys_at_a_time() -> None:
    assert [row["requests"] for row in measure_listing([900, 2100])] == [1, 3]


def test_known_files_are_listed_and_none_is_taken(tmp_path: Path) -> None:
    # Else `receive` would return chunks, and the benchmark would fail.
    rows = measure_known(tmp_path, [3, 5], url="")
    assert [row["files"] for row in rows] == [3, 5]
