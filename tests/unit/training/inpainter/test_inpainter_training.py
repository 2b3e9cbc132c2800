"""Runs of a tiny inpainter: learning, resuming bit for bit, the sharp phase, the command line."""

import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

from pipeline.cli import main
from pipeline.cli.commands import train_inpainter
from pipeline.errors import WeightsError
from pipeline.rn import config
from pipeline.rn.weights import DEFAULT, load_generator
from pipeline.training.common.checkpoint import CHECKPOINT, read_state
from pipeline.training.common.loop import Report
from pipeline.training.common.photos import load_photos
from pipeline.training.common.schedule import Budget
from pipeline.training.inpainter import run as inpainter
from pipeline.training.inpainter.loop import InpainterOptions, InpainterTraining
from pipeline.training.inpainter.sharp import NOISE, SharpTraining

MakeOptions = Callable[..., InpainterOptions]


def states(training: InpainterTraining) -> dict[str, torch.Tensor]:
    found = {
        f"{name}.{key}": value
        for name, module in training.modules.items()
        for key, value in module.state_dict().items()
    }
    for name, optimizer in training.optimizers.items():
        for index, state in optimizer.state_dict()["state"].items():
            found |= {f"{name}.optimizer.{index}.{key}": torch.as_tensor(value) for key, value in state.items()}
    return found


@pytest.mark.parametrize("kind", ["faithful", "sharp"])
def test_a_resumed_run_is_the_same_bit_for_bit(photo_folder: Path, make_options: MakeOptions, kind: str) -> None:
    photos = load_photos(photo_folder)

    def begin(options: InpainterOptions, *, resume: bool = False) -> InpainterTraining:
        if kind == "sharp":
            return SharpTraining(photos, options, None, resume=resume)
        return InpainterTraining(photos, options, resume=resume)

    whole = begin(make_options(8, "whole"))
    whole.run()
    broken = begin(make_options(8, "broken"))

    def stop(report: Report) -> None:
        if report.step >= 5:
            signal.raise_signal(signal.SIGTERM)

    broken.run(stop, every=1)
    assert broken.state.step == 5
    torch.rand(3)  # the state of the process must not matter
    resumed = begin(make_options(8, "broken"), resume=True)
    assert resumed.state.step == 5
    resumed.run()
    assert resumed.state.step == 8
    assert resumed.state.pixels == whole.state.pixels
    expected, found = states(whole), states(resumed)
    assert expected.keys() == found.keys()
    assert [name for name, value in expected.items() if not torch.equal(value, found[name])] == []


def test_a_run_learns(photo_folder: Path, make_options: MakeOptions) -> None:
    losses: list[float] = []
    training = InpainterTraining(load_photos(photo_folder), make_options(60, peak_rate=3e-3))
    pictures, holes = training.maker.make(0, 32, 4)
    training.maker.make = lambda step, size, count: (pictures, holes)  # type: ignore[method-assign]
    training.run(lambda report: losses.append(report.loss), every=10)
    assert losses[-1] < 0.9 * losses[0]


def test_a_run_begins_from_weights(
    photo_folder: Path, make_options: MakeOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = load_photos(photo_folder)
    first = InpainterTraining(photos, make_options(2, "first"))
    first.run()
    shipped, digest = load_generator(first.options.out / "rn-faithful.safetensors")
    second = InpainterTraining(photos, make_options(2, "second", seed=2, init=digest), shipped)
    assert second.state.step == 0
    for module in second.modules.values():
        assert all(torch.equal(value, shipped.state_dict()[key]) for key, value in module.state_dict().items())
    second.run()
    resumed = InpainterTraining(photos, make_options(3, "second", seed=2), resume=True)
    assert resumed.state.facts["init"] == digest
    shape = config.SIZES["light"]
    monkeypatch.setitem(config.SIZES, "medium", replace(shape, coarse_width=shape.coarse_width + 1))
    with pytest.raises(ValueError, match="does not contain"):
        InpainterTraining(photos, make_options(1, "third", size="medium"), shipped)


def test_other_photographs_are_noticed(
    photo_folder: Path, make_options: MakeOptions, caplog: pytest.LogCaptureFixture
) -> None:
    photos = load_photos(photo_folder)
    InpainterTraining(photos, make_options(1)).run()
    InpainterTraining(photos, make_options(1, seed=9), resume=True)
    assert "resuming with other seed" in caplog.text


def test_a_damaged_checkpoint_is_named(photo_folder: Path, make_options: MakeOptions) -> None:
    options = make_options(1)
    InpainterTraining(load_photos(photo_folder), options).run()
    path = options.out / CHECKPOINT
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(WeightsError, match="not a complete checkpoint"):
        InpainterTraining(load_photos(photo_folder), options, resume=True)


@pytest.fixture
def run_command(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """`train …` with small crops and few held-out pictures."""

    def small(*args: object, **kwargs: object) -> InpainterOptions:
        kwargs.update(validation_size=48, validation_count=5, bank_holes=6, warm_up=2, micro_batch=2)
        return InpainterOptions(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr("pipeline.training.inpainter.loop.InpainterOptions", small)
    monkeypatch.setattr(inpainter, "CLASSICAL", ("telea",))

    def run(*arguments: str) -> int:
        return main(["train", *arguments])

    return run


def test_the_command_trains_resumes_and_sharpens(
    photo_folder: Path, tmp_path: Path, run_command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    common = ["--size", "light", "--crop", "32", "--batch", "2", "--device", "cpu"]
    assert run_command("inpainter", str(photo_folder), "--out", str(out), "--steps", "3", *common) == 0
    printed = capsys.readouterr()
    weights = Path(printed.out.strip())
    load_generator(weights)
    assert f"weights: {weights.absolute()}" in printed.err, "how to use it is said"
    for name in ("checkpoint.safetensors", "validation.csv", "baselines.json", "curves.png", "samples.png"):
        assert (out / name).stat().st_size > 0
    card = weights.with_suffix(".md").read_text()
    assert "| telea |" in card
    assert "8 photographs" in card
    assert run_command("inpainter", str(photo_folder), "--out", str(out), "--steps", "5", "--resume", *common) == 0
    assert "telea" in capsys.readouterr().err
    assert read_state(out / CHECKPOINT).step == 5
    train_inpainter._print_what_next(out, Budget(steps=9), weights)
    assert "stopped after 5 steps and saved; the same command with --resume continues" in capsys.readouterr().err
    assert pd.read_csv(out / "validation.csv")["step"].tolist() == [0, 3, 5]
    assert pd.read_csv(out / "progress.csv")["step"].tolist() == [3, 5], "a short run has its losses too"
    assert (out / "epochs.png").stat().st_size > 0

    again = tmp_path / "again"
    begin = ["inpainter", str(photo_folder), "--out", str(again), "--init", str(weights), "--steps", "1"]
    assert run_command(*begin, *common[2:]) == 0
    assert "started from: weights with sha256" in (again / "rn-faithful.md").read_text()

    sharp = tmp_path / "sharp"
    begin = ["inpainter", str(photo_folder), "--out", str(sharp), "--sharp", "--weights", str(weights)]
    begin += ["--mean-with", str(weights), "--mean-share", ".75"]
    assert run_command(*begin, "--steps", "2", *common) == 0
    generator, _ = load_generator(sharp / "rn-sharp.safetensors")
    assert generator.config.noise == pytest.approx(0.75 * NOISE), "noise is averaged too"
    assert generator.config.smooth and not load_generator(weights)[0].config.smooth
    card = (sharp / "rn-sharp.md").read_text()
    assert "gradient 0, " in card and ", texture " in card, "the card names the losses that counted"
    assert "75% of these weights" in card and "--mean-share 0.75" in card

    on = ["inpainter", str(photo_folder), "--out", str(tmp_path / "on"), "--sharp", "--weights"]
    assert run_command(*on, str(sharp / "rn-sharp.safetensors"), "--steps", "1", *common[2:]) == 0, "its size is known"


def test_what_cannot_begin_says_why(
    photo_folder: Path, tmp_path: Path, run_command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for arguments, message in (
        ([str(empty), "--out", str(tmp_path / "a")], "no readable photograph"),
        ([str(photo_folder), "--out", str(tmp_path / "b"), "--resume"], "no checkpoint to resume"),
        ([str(photo_folder), "--out", str(tmp_path / "c"), "--crop", "100"], "multiple of 32"),
        ([str(photo_folder), "--out", str(tmp_path / "e"), "--init", str(empty / "w")], "cannot read"),
        ([str(photo_folder), "--out", str(tmp_path / "f"), "--init", str(DEFAULT), "--size", "medium"], "not contain"),
        ([str(photo_folder), "--out", str(tmp_path / "i"), "--init", "rn-faithful", "--size", "medium"], "not contain"),
        ([str(photo_folder), "--out", str(tmp_path / "g"), "--mean-with", str(DEFAULT)], "cannot be averaged"),
        ([str(photo_folder), "--out", str(tmp_path / "d"), "--sharp", "--weights", str(empty / "w")], "cannot read"),
    ):
        assert run_command("inpainter", *arguments) == 2
        assert message in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run_command("inpainter", str(photo_folder), "--out", str(tmp_path / "h"), "--mean-share", "2")
    assert "0<=x<=1" in capsys.readouterr().err
