"""Dice per epoch by depth, on scraps: a line for each epoch, nothing trained twice, breaks survived."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from benchmarks.depths import main, read_evaluations, table
from pipeline.training.detector import data as detector_data
from pipeline.training.detector import loop


@pytest.fixture
def command(photo_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(loop, "Crops", partial(detector_data.Crops, first=4))
    data = tmp_path / "data"
    data.mkdir()
    (data / "photos").symlink_to(photo_folder)
    small = ["--depths", "1", "2", "--width", "4", "--steps", "2", "--epoch", "1", "--batch", "2", "--crop", "32"]
    return ["--data", str(data), "--out", str(tmp_path / "out"), *small]


def test_each_depth_has_its_columns_and_each_epoch_its_line(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(command) == 0
    first = capsys.readouterr()
    assert "depth 1: Dice | loss | precision | recall | depth 2: Dice" in first.out
    assert "| 1 | 1 | 0." in first.out and "| 2 | 2 | 0." in first.out
    assert "depth 1: " in first.err and "depth 2: " in first.err
    assert (out / "table.md").read_text() == first.out and (out / "dice.png").stat().st_size > 1000
    assert main(command) == 0
    assert capsys.readouterr().out == first.out, "what is trained is not trained again"
    page = tmp_path / "pages" / "depths.md"
    small = command[4:]
    assert main(["--out", str(out), *small, "--report", "--page", str(page)]) == 0
    assert capsys.readouterr().out == first.out, "a report needs no data"
    assert first.out.strip() in page.read_text() and "](depths.png)" in page.read_text()
    assert page.with_suffix(".png").read_bytes() == (out / "dice.png").read_bytes()
    assert main(["--out", str(tmp_path / "elsewhere"), *small, "--report"]) == 2


def test_a_crop_that_does_not_fit_is_refused(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--crop", "30"]) == 2
    assert "multiple of 4" in capsys.readouterr().err


def test_a_step_that_was_repeated_counts_once_and_a_missing_one_is_empty(tmp_path: Path) -> None:
    line = '{"step": 5, "seconds": 1, "loss": %s, "dice": 0.5, "precision": [%s], "recall": [%s], "clean": []}\n'
    eight = ", ".join(["0.25"] * 8)
    (tmp_path / "curves.jsonl").write_text(line % (2, eight, eight) + line % (1, eight, eight))
    found = read_evaluations(tmp_path)
    assert list(found) == [5] and found[5].loss == 1
    assert table({1: found, 2: {}}, 5).splitlines()[-1] == "| 1 | 5 | 0.500 | 1.000 | 0.250 | 0.250 | | | | |"
