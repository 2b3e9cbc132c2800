"""The evaluation, the report and the command, on a few drawn digits and barely trained networks."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from pipeline.cli import main
from pipeline.engines.digits.classifier import DigitClassifier
from pipeline.training.digits.evaluate import evaluate, fillers
from pipeline.training.digits.holes import centred_hole
from pipeline.training.digits.run import DigitsOptions, train_digits

METHODS = ["masked", "telea", "navier-stokes", "biharmonic", "paper", "region"]


def test_perfect_and_empty_fills_are_measured_as_such(digits):
    few = digits.first(20)
    ways = {"perfect": lambda images, holes: few.images, "masked": fillers({})["masked"]}
    found = evaluate(few, DigitClassifier(), ways, sizes=(10,))
    perfect, masked = found.of("perfect")[0], found.of("masked")[0]
    assert perfect.accuracy == found.whole
    assert perfect.psnr_hole == np.inf
    assert perfect.ssim_hole == pytest.approx(1)
    hole = centred_hole(10)
    error = np.square(few.images[:, hole].astype(float)).mean()
    assert masked.psnr_hole == pytest.approx(10 * np.log10(255**2 / error))
    assert masked.ssim_hole < 0.9


def test_a_way_of_filling_that_changes_known_pixels_is_detected(digits):
    with pytest.raises(RuntimeError, match="vandal changed known pixels"):
        evaluate(digits.first(3), DigitClassifier(), {"vandal": lambda images, holes: 255 - images}, sizes=(10,))


def test_from_data_to_report(folder, tmp_path):
    seen = []
    options = DigitsOptions(
        epochs=dict.fromkeys(("judge", "paper", "region"), 1), limit=130, compiled=False, batch="2026-01-01T000000Z"
    )
    result = train_digits(folder, tmp_path, options, lambda what, share, figures: seen.append((what, share)))
    table = pd.read_csv(result.files.csv)
    assert list(table["method"]) == METHODS * 2
    assert set(table["digits"]) == {40}
    assert table["accuracy"].between(0, 1).all()
    pd.testing.assert_frame_equal(pd.read_parquet(result.files.parquet), result.evaluation.table())
    assert result.files.pdf == tmp_path / "reports" / "2026-01-01T000000Z" / "report.pdf"
    assert result.files.pdf.read_bytes().startswith(b"%PDF")
    card = (tmp_path / "weights" / "digits-region.md").read_text()
    assert "| 14×14 |" in card
    assert result.records["region"].digest in card
    assert seen[-1][1] == 1.0
    assert not list(tmp_path.rglob(".part-*"))


def test_the_command_trains_refuses_a_second_start_and_measures(folder, tmp_path, capsys):
    out = tmp_path / "out"
    words = ["train", "digits", "--data", str(folder), "--out", str(out), "--limit", "64", "--json"]
    brief = [word for name in ("judge", "paper", "region") for word in (f"--epochs-{name}", "1")]
    assert main([*words, *brief]) == 0
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {row["method"] for row in summary["table"]} == set(METHODS)
    assert summary["training"]["paper"]["seed"] == 1
    assert main([*words, *brief]) == 2
    assert "already contains a run: add --resume" in capsys.readouterr().err
    weights = ["--evaluate", "--weights", str(out / "weights"), "--out", str(tmp_path / "again")]
    assert main([*words, *weights]) == 0
    again = json.loads(capsys.readouterr().out.splitlines()[-1])
    for row, other in zip(summary["table"], again["table"], strict=True):
        assert row["accuracy"] == other["accuracy"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--data", "/none"], "/none lacks train-images-idx3-ubyte"),
        (["--data", "/none", "--weights", "/w"], "--weights is for --evaluate"),
    ],
)
def test_what_cannot_begin_says_why(words, message, tmp_path, capsys):
    assert main(["train", "digits", *words, "--out", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--epochs-paper", "--limit", "--threads"])
def test_a_number_that_cannot_be_is_wrong_usage(option, tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        main(["train", "digits", "--data", "/none", option, "0", "--out", str(tmp_path)])
    assert end.value.code == 2
    assert f"Invalid value for '{option}'" in capsys.readouterr().err
