"""The verb inpaint: results, pairs of scans and masks, exit codes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from skimage import data

from pipeline import scans
from pipeline.cli import main

MASK = np.zeros((128, 160), np.uint8)
cv2.line(MASK, (5, 5), (150, 90), 255, 4)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path, Path]:
    source, masks = tmp_path / "scans", tmp_path / "masks"
    (source / "box").mkdir(parents=True)
    (masks / "box").mkdir(parents=True)
    picture = data.astronaut()[:128, :160]
    cv2.imwrite(str(source / "box" / "ä photo.jpg"), picture[:, :, ::-1])
    tifffile.imwrite(source / "plate.tif", picture[:, :, 0].astype(np.uint16) * 257)
    for name in ("box/ä photo.png", "plate.png"):
        cv2.imwrite(str(masks / name), MASK)
    return source, masks, tmp_path / "results"


def run(folders: tuple[Path, Path, Path], *more: str) -> int:
    return main(["inpaint", *(str(folder) for folder in folders), "--engine", "telea", *more])


def pixels(path: Path) -> np.ndarray:
    return scans.decode(path.read_bytes(), path.name).pixels


def test_results_keep_path_depth_and_every_pixel_outside_the_mask(
    folders: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    source, _, target = folders
    digests = {path: hashlib.sha256(path.read_bytes()).digest() for path in source.rglob("*.*")}
    assert run(folders, "--json") == 0
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert summary["filled"] == summary["scans"] == 2 and summary["failed"] == [] and summary["windows"] >= 2
    for master, result in (("box/ä photo.jpg", "box/ä photo.png"), ("plate.tif", "plate.tif")):
        before, after = pixels(source / master), pixels(target / result)
        assert before.dtype == after.dtype
        assert np.array_equal(before[MASK == 0], after[MASK == 0])
        assert not np.array_equal(before[MASK > 0], after[MASK > 0])
    assert digests == {path: hashlib.sha256(path.read_bytes()).digest() for path in digests}


def test_an_unreadable_scan_does_not_stop_the_others(
    folders: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    source, masks, target = folders
    (source / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    cv2.imwrite(str(masks / "cut.png"), MASK)
    cv2.imwrite(str(source / "small.png"), np.zeros((20, 20, 3), np.uint8))
    cv2.imwrite(str(masks / "small.png"), MASK)
    cv2.imwrite(str(source / "whole.png"), np.zeros((20, 20, 3), np.uint8))
    cv2.imwrite(str(masks / "unpaired.png"), MASK)
    assert run(folders, "--json") == 1
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert summary["filled"] == 2 and summary["without_mask"] == 1 and summary["without_scan"] == ["unpaired.png"]
    assert sorted(failure["path"] for failure in summary["failed"]) == ["cut.png", "small.png"]
    assert sorted(path.name for path in target.rglob("*.*")) == ["plate.tif", "ä photo.png"]


def test_a_scan_that_the_engine_refuses_does_not_stop_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, masks, target = (tmp_path / name for name in ("scans", "masks", "results"))
    digit, hole = np.zeros((28, 28), np.uint8), np.zeros((28, 28), np.uint8)
    digit[6:22, 13:15] = 255
    hole[10:18, 10:18] = 255
    for folder, picture in ((source, digit), (masks, hole)):
        folder.mkdir()
        cv2.imwrite(str(folder / "digit.png"), picture)
    cv2.imwrite(str(source / "photo.png"), data.astronaut()[:128, :160])
    cv2.imwrite(str(masks / "photo.png"), MASK)
    arguments = ["inpaint", str(source), str(masks), str(target), "--engine", "dcgan-digits", "--json"]
    assert main(arguments) == 1
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert summary["filled"] == 1 and [failure["path"] for failure in summary["failed"]] == ["photo.png"]
    assert [path.name for path in target.iterdir()] == ["digit.png"]


def test_two_scans_with_one_stem_do_not_share_a_result(folders: tuple[Path, Path, Path]) -> None:
    source, _, target = folders
    cv2.imwrite(str(source / "plate.png"), data.astronaut()[:128, :160])
    assert run(folders) == 0
    assert sorted(path.name for path in target.glob("plate*")) == ["plate.png", "plate.tif.tif"]


def test_masters_are_never_overwritten(folders: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    source, masks, _ = folders
    assert run((source, masks, source)) == 2
    assert "another folder" in capsys.readouterr().err
    assert run((source, masks, masks)) == 2


def test_a_single_scan_and_its_mask(folders: tuple[Path, Path, Path]) -> None:
    source, masks, target = folders
    assert run((source / "plate.tif", masks / "box" / "ä photo.png", target)) == 0
    assert (target / "plate.tif").exists()


@pytest.mark.parametrize("more", [("--engine", "nonesuch"), ("--engine", "rn", "--weights", "nowhere.safetensors")])
def test_wrong_options_end_with_2_before_any_work(
    folders: tuple[Path, Path, Path], more: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folders, *more) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not folders[2].exists()


def test_folders_without_a_pair_end_with_2(folders: tuple[Path, Path, Path], tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run((folders[0], empty, folders[2])) == 2
    assert run((tmp_path / "absent", folders[1], folders[2])) == 2
