"""Comparing engines on pictures whose originals are known."""

import json
import math
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from pipeline.cli import main
from pipeline.evaluation.evaluate import (
    COLUMNS,
    EvaluationCase,
    confidence_half_width,
    evaluate,
    measure,
    ratio_bin,
    summarise,
)
from pipeline.evaluation.evaluation_cases import centre_square, fit_hole, pair_cases


def case(seed: int = 0) -> EvaluationCase:
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:64, 0:80]
    clean = np.stack([rows * 2, columns * 2, rows + columns], axis=2) + rng.integers(0, 8, (64, 80, 3))
    hole = np.zeros((64, 80), np.bool_)
    hole[20:30, 30:50] = True
    return EvaluationCase(f"p{seed}", f"m{seed}", clean.astype(np.uint8), hole)


def test_a_frame_has_a_row_for_each_picture_and_engine() -> None:
    frame = evaluate([case(0), case(1)], ["telea", "prior"])
    assert tuple(frame.columns) == COLUMNS
    assert len(frame) == 4
    assert set(frame["bin"]) == {"1-10 %"}
    assert (frame["psnr"] > 25).all()
    ratio = case().hole.mean()
    assert np.allclose(frame["psnr"], frame["psnr_hole"] + 10 * math.log10(1 / ratio), atol=1e-6)
    assert np.allclose(frame["l1"], frame["l1_hole"] * ratio)


def test_pixels_outside_the_hole_are_unchanged() -> None:
    seen = []
    evaluate([case()], ["telea"], on_restored=lambda given, name, restored: seen.append((given, restored)))
    given, restored = seen[0]
    assert np.array_equal(restored[~given.hole], given.clean[~given.hole])
    assert not np.array_equal(restored[given.hole], given.clean[given.hole])


def test_a_perfect_fill_has_infinite_psnr_and_is_left_out_of_means() -> None:
    figures = measure(case(), case().clean)
    assert figures["psnr"] == math.inf
    assert figures["ssim"] == pytest.approx(1)
    frame = evaluate([case(0), case(1)], ["telea"])
    frame.loc[0, "psnr"] = math.inf
    assert summarise(frame)["psnr"].iloc[0] == pytest.approx(frame["psnr"].iloc[1])


def test_a_picture_with_several_masks_counts_once() -> None:
    frame = evaluate([case(0), case(1)], ["telea"])
    many = pd.concat([frame.iloc[:1]] * 5 + [frame.iloc[1:]])
    summary = summarise(many)
    assert summary["pictures"].tolist() == [2]
    assert summary["psnr"].iloc[0] == pytest.approx(frame["psnr"].mean())
    assert summary["psnr_95"].iloc[0] == pytest.approx(confidence_half_width(frame["psnr"].to_numpy()))


def test_hole_ratios_fall_into_bins() -> None:
    assert [ratio_bin(value) for value in (0.005, 0.05, 0.1, 0.55, 0.8)] == [
        "0-1 %", "1-10 %", "1-10 %", "50-60 %", "60-100 %",
    ]  # fmt: skip


def write(folder: Path, name: str, pixels: np.ndarray) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / name), pixels)


def test_masks_are_paired_by_name_or_in_turn(tmp_path: Path) -> None:
    hole = case().hole.astype(np.uint8) * 255
    for name in ("a.png", "b/c.png", "d.png"):
        write(tmp_path / "clean", name, case().clean)
    write(tmp_path / "named", "b/c.png", hole)
    write(tmp_path / "named", "d.mask.png", hole)
    assert [(case.picture, case.mask) for case in pair_cases(tmp_path / "clean", tmp_path / "named")] == [
        ("b/c.png", "b/c.png"),
        ("d.png", "d.mask.png"),
    ]
    write(tmp_path / "any", "1.png", hole[::2, ::2])
    write(tmp_path / "any", "2.png", hole)
    cases = list(pair_cases(tmp_path / "clean", tmp_path / "any"))
    assert [case.mask for case in cases] == ["1.png", "2.png", "1.png"]
    assert all(case.hole.shape == case.clean.shape[:2] for case in cases)
    with pytest.raises(ValueError, match="no picture below"):
        list(pair_cases(tmp_path / "clean", tmp_path / "nowhere"))


def test_pictures_and_holes_are_scaled() -> None:
    assert centre_square(np.zeros((300, 500, 3), np.uint8), 256).shape == (256, 256, 3)
    assert centre_square(np.zeros((100, 130, 3), np.uint8), 256).shape == (256, 256, 3)
    hole = np.zeros((100, 100), np.bool_)
    hole[:50] = True
    assert fit_hole(hole, 30, 20).mean() == pytest.approx(0.5)


def test_the_command_prints_a_table_and_writes_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "clean", "a.png", case().clean)
    write(tmp_path / "masks", "a.png", case().hole.astype(np.uint8) * 255)
    given = ["evaluate", str(tmp_path / "clean"), str(tmp_path / "masks")]
    assert main([*given, "--engine", "telea", "--engine", "prior", "--csv", str(tmp_path / "f.csv"), "--json"]) == 0
    printed = capsys.readouterr().out
    assert set(json.loads(printed.splitlines()[-1])["engines"]) == {"telea", "prior"}
    assert "psnr_hole" in printed
    assert len(pd.read_csv(tmp_path / "f.csv")) == 2
    assert main([*given, "--engine", "magic"]) == 2
    assert "magic" in capsys.readouterr().err
