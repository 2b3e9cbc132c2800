"""The quality benchmark, on a scrap of its own data folder."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import quality


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for folder in ("bench/images", "bench/masks", "artefacts/hair"):
        (tmp_path / folder).mkdir(parents=True)
    slope = np.add.outer(np.arange(80), np.arange(100))[..., None] + rng.integers(0, 40, (80, 100, 3))
    for index in range(2):
        cv2.imwrite(str(tmp_path / "bench" / "images" / f"{index}.png"), slope.astype(np.uint8))
        mask = np.zeros((64, 64), np.uint8)
        mask[10 : 20 + 20 * index, 10:40] = 255
        cv2.imwrite(str(tmp_path / "bench" / "masks" / f"{index}.png"), mask)
    plane = np.zeros((60, 90), np.uint8)
    cv2.line(plane, (5, 5), (80, 50), 255, 3)
    cv2.imwrite(str(tmp_path / "artefacts" / "hair" / "0.png"), plane)
    return tmp_path


def test_every_picture_has_irregular_damage_shaped_and_block_holes(data: Path) -> None:
    drawn = list(quality.cases(data))
    assert [label.split()[0] for label, _ in drawn] == ["irregular", "irregular", "damage", "blocks"] * 2
    assert all(case.clean.shape == (256, 256, 3) and case.hole.any() for _, case in drawn)
    again = list(quality.cases(data))
    assert all(np.array_equal(a.hole, b.hole) for (_, a), (_, b) in zip(drawn, again, strict=True))


def test_the_report_compares_on_the_same_holes(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(quality, "CLASSICAL", ("navier-stokes",))
    load = quality.load_engine
    monkeypatch.setattr(quality, "load_engine", lambda name, weights: load("telea" if name == "rn" else name))
    page = tmp_path / "quality.md"
    only = ["--engine", "rn", "--engine", "navier-stokes"]
    monkeypatch.setenv("BENCH_DATA", str(data))
    assert quality.main([*only, "--csv", str(tmp_path / "rows.csv"), "--page", str(page)]) == 0
    text = capsys.readouterr().out
    for expected in ("| damage | 2 |", "| blocks | 2 |", "| irregular, all |", "rn - best", "navier-stokes"):
        assert expected in text
    assert (tmp_path / "rows.csv").exists()
    written = page.read_text()
    assert text.strip() in written and str(tmp_path) not in written
    assert "`python -m benchmarks.quality --engine rn --engine navier-stokes --data DATA`" in written


def test_a_folder_that_is_no_bench_data_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    assert quality.main([]) == 2
    assert "has no bench/images" in capsys.readouterr().err
