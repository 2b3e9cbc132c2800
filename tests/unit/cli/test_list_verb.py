"""The verb list: what went wrong, across batches, as a table, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli import main
from pipeline.ledger import Outcome, batches, outcomes, scans
from pipeline.ledger.migrate import upgrade
from pipeline.ledger.rows import now
from pipeline.ledger.tables import Scan

REVIEW = "31.0% of the scan looks damaged, more than the 15% that may be filled without review"


@pytest.fixture
def nights(tmp_path: Path) -> None:
    """Two collections with outcomes of several nights, one of them replaced since."""
    ledger = upgrade(f"sqlite:///{tmp_path}/ledger.db")
    fixed = dict.fromkeys(("inbox", "output", "engine", "engine_digest", "code_version"), "x")
    rows: list[tuple[str, str, int, str, Outcome, dict[str, Any]]] = [
        ("plates", "b1", 9, "old.png", Outcome.FAILED, {"reason": "error", "message": "long ago"}),
        ("plates", "b2", 2, "a.png", Outcome.FAILED, {"reason": "gone", "message": "the file was removed"}),
        ("plates", "b2", 2, "b.png", Outcome.RESTORED, {}),
        ("films", "b3", 1, "=1+1.png", Outcome.QUARANTINED, {"reason": "truncated", "message": "it is cut off"}),
        ("films", "b3", 1, "c.png", Outcome.REVIEW, {"figures": {"review_reason": REVIEW}}),
        ("plates", "b4", 0, "a.png", Outcome.RESTORED, {}),
    ]
    with ledger.write() as session:
        for collection, batch, days, path, outcome, values in rows:
            opened = batches.open_batch(session, collection, batch, fixed | {"recipe": {}, "recipe_digest": batch})
            scan = Scan(collection=collection, path=path, sha256="1" * 64, bytes=10, fingerprint="")
            outcomes.record(
                session,
                scan_id=scans.record(session, scan),
                recipe_digest=batch,
                batch_id=opened.id,
                outcome=outcome,
                **{"recorded": now() - timedelta(days=days)} | values,
            )


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """Return the paths that are listed, latest first."""
    assert main(["list", "--json", *arguments]) == 0
    return [scan["path"] for scan in json.loads(capsys.readouterr().out.splitlines()[-1])["scans"]]


@pytest.mark.usefixtures("nights")
def test_what_went_wrong_this_week_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    printed = capsys.readouterr().out
    assert "truncated: it is cut off" in " ".join(printed.split())
    assert "looks damaged" in printed, "the reason of a review is its words"
    assert "old.png" not in printed and "a.png" not in printed, "too old, and replaced since"
    assert "2 restored" in printed, "what is not listed is counted"
    assert max(map(len, printed.splitlines())) <= 100


@pytest.mark.usefixtures("nights")
def test_outcome_reason_time_collection_and_batch_choose(capsys: pytest.CaptureFixture[str]) -> None:
    assert listed(capsys) == ["c.png", "=1+1.png"]
    assert listed(capsys, "--since", "all") == ["c.png", "=1+1.png", "old.png"]
    assert listed(capsys, "--since", "12h") == []
    assert listed(capsys, "--outcome", "restored", "--collection", "plates") == ["a.png", "b.png"]
    assert listed(capsys, "--reason", "trunc", "--reason", "looks damaged") == ["c.png", "=1+1.png"]
    assert listed(capsys, "--batch", "b2", "--outcome", "all") == ["b.png", "a.png"], "also what was replaced since"
    assert listed(capsys, "--limit", "1") == ["c.png"]


@pytest.mark.usefixtures("nights")
def test_csv_has_every_column_and_runs_no_formula(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["path"], row["reason"], row["batch"]) for row in rows] == [
        ("c.png", "", "b3"),
        ("'=1+1.png", "truncated", "b3"),
    ]
    assert rows[0]["message"] == REVIEW


@pytest.mark.usefixtures("nights")
def test_nothing_found_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--collection", "none"]) == 0
    assert "No scan since" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--since", "lately"], ["--outcome", "lost"], ["--csv", "--json"]])
def test_wrong_usage_is_named(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        assert main(["list", *arguments]) == 2
    except SystemExit as end:
        assert end.code == 2
    assert arguments[0] in capsys.readouterr().err
