"""The benchmark of the digits, on a few drawn ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import digits


def test_every_way_of_filling_has_its_line(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mnist").symlink_to(folder)
    page = tmp_path / "digits.md"
    command = ["--data", str(tmp_path), "--limit", "20"]
    assert digits.main([*command, "--page", str(page)]) == 0
    printed = capsys.readouterr().out
    lines = [line for line in printed.splitlines() if line.startswith("| ")]
    assert [line.split(" | ")[0].removeprefix("| ") for line in lines] == ["filled by", *digits.LABELS.values()]
    assert all(line.count("|") == 8 for line in lines), "three figures for each of two sizes of hole"
    assert printed.strip() in page.read_text() and str(tmp_path) not in page.read_text()
    assert digits.main([*command, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["digits"] == 20 and len(report["rows"]) == 2 * len(digits.LABELS)


def test_missing_files_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert digits.main(["--data", str(tmp_path)]) == 2
    assert "train-images-idx3-ubyte" in capsys.readouterr().err
