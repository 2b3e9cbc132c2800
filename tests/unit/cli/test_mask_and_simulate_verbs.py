"""The verbs mask and simulate: the files that they write, exit codes, the JSON line."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

from pipeline.cli import main


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "in box"
    (folder / "Käs<ten>").mkdir(parents=True)
    picture = cv2.resize(skimage.data.astronaut(), (160, 120), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(folder / "a.png"), picture[:, :, ::-1])
    cv2.imwrite(str(folder / "Käs<ten>" / "b.tif"), picture[:, :, 0].astype(np.uint16) * 257)
    return folder


def last_line(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    return json.loads(capsys.readouterr().out.strip().splitlines()[-1])


def test_simulate_writes_three_folders(inbox: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    before = {path: path.read_bytes() for path in inbox.rglob("*") if path.is_file()}
    assert main(["simulate", str(inbox), str(out), "--seed", "3", "--kinds", "scratch,dust", "--json"]) == 0
    summary = last_line(capsys)
    assert summary["damaged"] == 2
    damaged = cv2.imread(str(out / "damaged" / "Käs<ten>" / "b.tif"), cv2.IMREAD_UNCHANGED)
    original = cv2.imread(str(out / "originals" / "Käs<ten>" / "b.tif"), cv2.IMREAD_UNCHANGED)
    mask = cv2.imread(str(out / "masks" / "Käs<ten>" / "b.png"), cv2.IMREAD_UNCHANGED)
    assert damaged.dtype == original.dtype == np.uint16
    assert damaged.shape == mask.shape == (120, 160)
    assert mask.dtype == np.uint8
    assert set(np.unique(mask)) == {0, 255}
    assert (damaged[mask > 0] != original[mask > 0]).mean() > 0.99
    assert before == {path: path.read_bytes() for path in inbox.rglob("*") if path.is_file()}


def test_mask_writes_one_for_every_scan(inbox: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    painted = np.zeros((120, 160), np.uint8)
    painted[10:20, 30:40] = 255
    cv2.imwrite(str(inbox / "a.mask.png"), painted)
    out = tmp_path / "masks"
    assert main(["mask", str(inbox), str(out), "--explain", "--json"]) == 0
    summary = last_line(capsys)
    assert (summary["scans"], summary["masked"], summary["painted"]) == (2, 2, 1)
    assert np.array_equal(cv2.imread(str(out / "a.png"), cv2.IMREAD_UNCHANGED), painted)
    found = cv2.imread(str(out / "Käs<ten>" / "b.png"), cv2.IMREAD_UNCHANGED)
    assert found.shape == (120, 160)
    assert set(np.unique(found)) <= {0, 255}
    assert "components" in json.loads((out / "Käs<ten>" / "b.json").read_text())


def test_an_unreadable_scan_does_not_stop_the_others(
    inbox: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (inbox / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 broken")
    out = tmp_path / "masks"
    assert main(["mask", str(inbox), str(out), "--json"]) == 1
    summary = last_line(capsys)
    assert summary["masked"] == 2
    assert [item["path"] for item in summary["failed"]] == ["broken.jpg"]  # type: ignore[index, union-attr]


def test_two_scans_with_one_stem_keep_their_own_masks(inbox: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(inbox / "a.bmp"), np.zeros((20, 30), np.uint8))
    out = tmp_path / "masks"
    assert main(["mask", str(inbox), str(out)]) == 0
    assert cv2.imread(str(out / "a.png"), cv2.IMREAD_UNCHANGED).shape == (20, 30)
    assert cv2.imread(str(out / "a.png.png"), cv2.IMREAD_UNCHANGED).shape == (120, 160)


@pytest.mark.parametrize("verb", ["mask", "simulate"])
def test_an_absent_or_empty_folder_ends_with_2(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, str(tmp_path / "absent"), str(tmp_path / "out")]) == 2
    (tmp_path / "empty").mkdir()
    assert main([verb, str(tmp_path / "empty"), str(tmp_path / "out")]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert all(line.startswith(f"{verb}: ") for line in lines)
    assert len(lines) == 2


def test_wrong_options_are_named(inbox: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", str(inbox), str(tmp_path / "o"), "--kinds", "moths"]) == 2
    assert "moths" in capsys.readouterr().err
    assert main(["mask", str(inbox), str(tmp_path / "o"), "--detector", "oracle"]) == 2
    assert main(["mask", str(inbox), str(tmp_path / "o"), "--sensitivity", "0"]) == 2
