"""Kinds of damage left out of training, on scraps: what is left out is never drawn, what is finished is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import left_out
from benchmarks.detection.datasets import DamagedPicture
from benchmarks.left_out import GROUPS, Cell, held_out, main, read_cells, score_groups, table
from pipeline.detection.network import NetworkConfig
from pipeline.simulation import KINDS
from pipeline.training.common.checkpoint import CHECKPOINT, read_state
from pipeline.training.common.photos import load_photos, split
from pipeline.training.common.schedule import Budget
from pipeline.training.detector import data, loop
from pipeline.training.detector.loop import DetectorOptions

SMALL = ["--steps", "2", "--batch", "2", "--crop", "32", "--count", "2", "--workers", "0", "--kinds", "dust"]


class Watched:
    """Training as it is, on few drawn pictures; keeps what was drawn for each network."""

    def __init__(self) -> None:
        self.drawn: dict[str, set[str]] = {}
        self.steps: int | None = None
        self._train, self._simulate = loop.train_detector, data.simulate

    def train_detector(self, run: DetectorOptions, **rest: Any) -> Any:
        self.drawn[run.work.name] = set()
        return self._train(replace(run, budget=Budget(steps=self.steps)) if self.steps else run, **rest)

    def simulate(self, picture: Any, rng: Any, kinds: Sequence[str], *rest: Any, **more: Any) -> Any:
        self.drawn[list(self.drawn)[-1]] |= set(kinds)
        return self._simulate(picture, rng, kinds, *rest, **more)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    watching = Watched()
    monkeypatch.setattr(left_out, "train_detector", watching.train_detector)
    monkeypatch.setattr(left_out, "SMALL", NetworkConfig(2, 8, 8))
    monkeypatch.setattr(data, "simulate", watching.simulate)
    monkeypatch.setattr(loop, "Crops", partial(data.Crops, first=16))
    return watching


@pytest.fixture
def command(photo_folder: Path, tmp_path: Path) -> list[str]:
    data = tmp_path / "data"
    data.mkdir()
    (data / "photos").symlink_to(photo_folder)
    return ["--data", str(data), "--out", str(tmp_path / "out"), *SMALL]


def test_cells_are_trained_once_and_without_what_is_left_out(
    command: list[str], watched: Watched, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(command) == 0
    first = capsys.readouterr()
    assert "| dust | 1 | 0." in first.out
    assert "all-1: trained in" in first.err and "1 to go" in first.err and "0 to go" in first.err
    assert "dust" in watched.drawn["all-1"] and "scratch" in watched.drawn["without-dust-1"]
    assert "dust" not in watched.drawn["without-dust-1"] and "vague" in watched.drawn["without-dust-1"]
    cells = read_cells(out)
    assert cells.keys() == {Cell("", 1), Cell("dust", 1)}
    assert all([row["group"] for row in rows] == list(GROUPS) for rows in cells.values())
    assert (out / "table.md").read_text() == first.out
    watched.drawn.clear()
    assert main(command) == 0
    assert capsys.readouterr().out == first.out and not watched.drawn, "nothing is trained again"
    assert main([*command, "creases"]) == 0
    assert watched.drawn.keys() == {"without-creases-1"}, "a group more costs one network"
    assert "| creases | 1 | 0." in capsys.readouterr().out
    assert main([*command, "--steps", "3"]) == 2
    assert "another plan" in capsys.readouterr().err
    assert main([*command, "--crop", "30"]) == 2
    page = tmp_path / "left_out.md"
    assert main(["--out", str(out), "--report", "--page", str(page)]) == 0
    assert capsys.readouterr().out.strip() in page.read_text() and not watched.drawn.keys() - {"without-creases-1"}


def test_a_cell_that_was_stopped_is_not_reported_and_continues(
    command: list[str], watched: Watched, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, watched.steps = tmp_path / "out", 1
    assert main(command) == 0
    assert "all-1: stopped and saved" in capsys.readouterr().err and not read_cells(out)
    watched.steps = None
    assert main(command) == 0
    assert read_state(out / "networks" / "all-1" / CHECKPOINT).step == 2 and len(read_cells(out)) == 2


def test_every_group_is_drawn_alone_on_the_same_photographs(photo_folder: Path) -> None:
    pictures = held_out(split(load_photos(photo_folder))[1], None, 4)
    assert pictures.keys() == GROUPS.keys() and {kind for kinds in GROUPS.values() for kind in kinds} < KINDS.keys()
    for group, cases in pictures.items():
        assert {kind for case in cases for kind in case.kinds} <= set(GROUPS[group])
        assert [case.name for case in cases] == [case.name for case in pictures["dust"]]


def test_figures_and_table(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = np.zeros((40, 50), np.uint8)
    truth[10, 5:45] = 255
    case = DamagedPicture("one", np.full((40, 50, 3), 90, np.uint8), truth)
    monkeypatch.setattr(left_out, "probabilities", lambda *_: truth / np.float32(255))
    assert score_groups(None, {"dust": [case]}) == [{"group": "dust", "ap": 1.0, "recall": 1.0}]  # type: ignore[arg-type]

    def rows(dust: float, rest: float) -> list[left_out.Row]:
        return [{"group": group, "ap": dust if group == "dust" else rest, "recall": 0.25} for group in GROUPS]

    cells = {Cell("", 1): rows(0.4, 0.5), Cell("dust", 1): rows(0.3, 0.45), Cell("", 2): rows(0.6, 0.5)}
    assert "| dust | 1 | 0.400 | 0.300 | 75 | 0.250 | 0.250 | 90 |" in table(cells)
    cells[Cell("dust", 2)] = rows(0.2, 0.55)
    assert "| dust | 2 | 0.500 | 0.250 | 50 | 0.250 | 0.250 | 100 |" in table(cells)
    assert "–" in table({Cell("", 1): rows(0, 0), Cell("dust", 1): rows(0, 0)})
