"""The list of all files in a report, and what takes its place where they are too many."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from report_sample import batch_summary, row

from pipeline.ledger.outcome import Outcome
from pipeline.reports import register, write_report
from pipeline.reports.register import collect_register


def frame(paths: list[str]) -> pd.DataFrame:
    outcomes = ["restored", "unchanged"]
    rows = [
        {"path": path, "outcome": outcomes[number % 2], "coverage": 0.01 * (number % 2)}
        for number, path in enumerate(paths)
    ]
    return pd.DataFrame(rows)


def test_files_are_listed_one_by_one_up_to_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(register, "MOST_FILES", 4)
    paths = [f"a/{number}.tif" for number in range(4)]
    found = collect_register(frame(paths))
    assert [one["path"] for one in found.files] == paths and not found.folders


def test_more_files_are_counted_by_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(register, "MOST_FILES", 4)
    found = collect_register(frame(["a/1.tif", "a/2.tif", "b/c/3.tif", "b/c/4.tif", "b/d/5.tif", "6.tif"]))
    assert not found.files
    assert [(line.folder, line.files) for line in found.folders] == [("", 1), ("a", 2), ("b/c", 2), ("b/d", 1)]
    assert found.folders[1].outcomes[Outcome.RESTORED] == 1 and found.folders[1].damage == pytest.approx(0.005)
    assert sum(line.files for line in found.folders) == 6


def test_many_folders_are_counted_by_those_above_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(register, "MOST_FILES", 4)
    monkeypatch.setattr(register, "MOST_FOLDERS", 3)
    deep = [f"box {number % 2}/{number}/scan.tif" for number in range(8)]
    assert [(line.folder, line.files) for line in collect_register(frame(deep)).folders] == [("box 0", 4), ("box 1", 4)]
    flat = collect_register(frame([f"{number}/scan.tif" for number in range(8)]))
    assert len(flat.folders) == 3 and flat.left_out == 5


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_report_of_too_many_files_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, language: str) -> None:
    from pipeline.reports import document

    monkeypatch.setattr(register, "MOST_FILES", 4)
    monkeypatch.setattr(register, "MOST_FOLDERS", 2)
    monkeypatch.setattr(register, "MOST_NAMED", 2)
    seen: list[str] = []
    html = document.report_html
    monkeypatch.setattr("pipeline.reports.write.report_html", lambda *given: seen.append(html(*given)) or seen[-1])
    rows = [row(f"{number}/plate.tif", "quarantined", reason="empty", message="it is empty") for number in range(6)]
    write_report(pd.DataFrame(rows), batch_summary(language=language), lambda _: None, tmp_path)
    assert seen[0].count('id="concern-') == 2 and "report.parquet" in seen[0]
    assert ("4 further folders" if language == "en" else "4 weitere Ordner") in seen[0]
    assert (tmp_path / "report.csv").read_text().count("plate.tif") >= 6
