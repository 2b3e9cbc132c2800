"""The ablation of the normalisations, on a tiny network."""

from pathlib import Path

import pytest

from benchmarks import ablation
from benchmarks.ablation import Cell, Plan, budgets, main, read_cells
from pipeline.rn.config import GeneratorConfig

SMALL = ["--steps", "2", "--batch", "2", "--crop", "32", "--count", "5", "--holes", "4"]


def test_cells_are_trained_once_and_reported(
    photo_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = GeneratorConfig(8, (1,), (8, 8, 8), (0, 0), (1,))
    monkeypatch.setattr(ablation, "Trainee", lambda *cell: TRUE_TRAINEE(*cell, config=tiny))
    monkeypatch.setattr(ablation, "measure_costs", measured := Measured())
    out = tmp_path / "out"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "photos").symlink_to(photo_folder)
    command = ["--data", str(tmp_path / "data"), "--out", str(out), *SMALL]
    assert main([*command, "--seeds", "1"]) == 0
    first = capsys.readouterr().out
    assert first.count("| 1 |") == 8
    # Four steps for half the cost of Region Normalization's two.
    assert "| grey constant | none | 1 | 0.050 | 2 |" in first and "| 4 |" in first
    cells = read_cells(out)
    assert len(cells) == 8
    kept = {path: path.stat().st_mtime_ns for path in (out / "cells").iterdir()}
    assert main([*command, "--seeds", "2"]) == 0
    assert "| RN | 2 |" in capsys.readouterr().out
    assert all(path.stat().st_mtime_ns == changed for path, changed in kept.items())
    assert len(read_cells(out)) == 16 and measured.times == 1
    page = tmp_path / "ablation.md"
    assert main(["--out", str(out), "--report", "--page", str(page)]) == 0
    assert (out / "table.md").read_text().strip() in page.read_text() and "](ablation.png)" in page.read_text()
    for name in ("table.md", "table.csv", "curves.png"):
        assert (out / name).stat().st_size > 0
    assert main([*command, "--steps", "3"]) == 2
    assert "another plan" in capsys.readouterr().err


TRUE_TRAINEE = ablation.Trainee


class Measured:
    """Costs as if they had been measured: RN takes twice as long as the others."""

    times = 0

    def __call__(self, *_: object) -> dict[str, float]:
        self.times += 1
        return {
            f"{start}-{norm}": 0.1 if norm == "region" else 0.05 for start in ablation.STARTS for norm in ablation.NORMS
        }


def test_costs_are_measured_for_every_network(photo_folder: Path) -> None:
    maker = ablation.Batches(ablation.load_photos(photo_folder), 0, 4)
    costs = ablation.measure_costs(maker, Plan(1, 0.0, 1, 32, 1, ""), rounds=1)
    assert len(costs) == 8 and all(value > 0 for value in costs.values())


def test_a_budget_of_seconds_is_the_same_for_all() -> None:
    costs = {"prior-region": 0.2, "prior-none": 0.1}
    assert budgets(Plan(100, 0.0, 1, 32, 1, ""), costs, Cell("prior", "none", 1)) == (100, 200)
    assert budgets(Plan(100, 5.0, 1, 32, 1, ""), costs, Cell("prior", "region", 1)) == (100, 25)
