"""Training of the detector: labels, crops, loss, and a short run that is saved, resumed and exported."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import skimage.data
import torch

from pipeline.detection.features import CHANNELS
from pipeline.detection.learned import LearnedDetector
from pipeline.detection.network import NetworkConfig
from pipeline.detection.weights import load_weights
from pipeline.simulation.kinds import ODDS
from pipeline.training.common.checkpoint import CHECKPOINT, read_state
from pipeline.training.common.schedule import Budget
from pipeline.training.detector import data
from pipeline.training.detector.data import DAMAGED, INTACT, UNSURE, Crops, make_sample
from pipeline.training.detector.export import CARD, export_run
from pipeline.training.detector.loop import CURVES, DetectorOptions, train_detector
from pipeline.training.detector.losses import detector_loss


def test_labels_follow_what_can_be_seen() -> None:
    picture = skimage.data.astronaut()
    clean = make_sample(picture, np.random.default_rng(1), None, undamaged=1.0)
    assert (clean.labels == INTACT).all()
    shares = [
        (make_sample(picture, np.random.default_rng(seed), None, undamaged=0.0).labels == DAMAGED).mean()
        for seed in range(5)
    ]
    assert 0 < float(np.mean(shares)) < 0.5


def test_excluded_kinds_are_never_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[list[str]] = []
    simulate = data.simulate

    def watched(picture: np.ndarray, rng: np.random.Generator, kinds: list[str], *rest: Any, **more: Any) -> Any:
        drawn.append(list(kinds))
        return simulate(picture, rng, kinds, *rest, **more)

    monkeypatch.setattr(data, "simulate", watched)
    picture = skimage.data.astronaut()[:288, :288]
    for left_out in (frozenset[str](), frozenset({"dust", "hair"}), frozenset(ODDS) | {"loss"}):
        drawn.clear()
        for seed in range(12):
            make_sample(picture, np.random.default_rng(seed), None, undamaged=0.0, without=left_out)
        met = {kind for kinds in drawn for kind in kinds}
        assert not met & left_out and all(drawn)
        assert ("dust" in met) == (not left_out) and "vague" in met
    assert met == {"vague"}, "which is drawn where no other kind is left"


def test_crops_are_a_stream_of_what_the_network_takes() -> None:
    crops = Crops((skimage.data.chelsea(),), None, side=64, seed=1, store=4, reuse=2)
    again = Crops((skimage.data.chelsea(),), None, side=64, seed=1, store=4, reuse=2)
    for (picture, labels), (same, _) in itertools.islice(zip(crops, again, strict=False), 6):
        assert picture.shape == (CHANNELS, 64, 64)
        assert labels.shape == (64, 64)
        assert set(labels.unique().tolist()) <= {INTACT, DAMAGED, UNSURE}
        assert torch.equal(picture, same), "the same seed draws the same"


def test_the_loss_leaves_unsure_pixels_out() -> None:
    labels = torch.full((1, 8, 8), UNSURE, dtype=torch.uint8)
    labels[0, 0] = DAMAGED
    labels[0, 1] = INTACT
    logits = torch.zeros(1, 1, 8, 8)
    changed = logits.clone()
    changed[0, 0, 4:] = 9.0
    assert torch.equal(detector_loss(logits, labels), detector_loss(changed, labels))
    right = logits.clone()
    right[0, 0, 0], right[0, 0, 1] = 9.0, -9.0
    assert detector_loss(right, labels) < 0.1 < detector_loss(logits, labels)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("astronaut", "chelsea", "coffee", "rocket"):
        picture = cv2.resize(getattr(skimage.data, name)(), (320, 320), interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(folder / f"{name}.png"), picture[:, :, ::-1])
    return folder


def test_a_short_run_saves_resumes_and_ships(tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.training.detector import export, loop, validation

    few = validation.held_out_samples
    monkeypatch.setattr(loop, "held_out_samples", lambda *a, **k: few(*a, count=3))
    monkeypatch.setattr(export, "held_out_samples", lambda *a, **k: few(*a, count=3))
    out = tmp_path / "run"

    def run(steps: int) -> DetectorOptions:
        return DetectorOptions(
            photos, out, Budget(steps=steps), network=NetworkConfig(2, 8, 8), batch=2, side=64, epoch=4, workers=0
        )

    scores, lines = [], []
    train_detector(run(4), scores.append, lines.append, every=2)
    assert [(line.step, line.progress < 1) for line in lines] == [(2, True), (4, True)], "the share before the step"
    assert all(np.isfinite([line.loss, line.steps_per_second]).all() and 0 <= line.waiting <= 1 for line in lines)
    assert lines[-1].left_seconds == 0
    assert read_state(out / CHECKPOINT).step == 4
    network = train_detector(run(8), scores.append)
    assert read_state(out / CHECKPOINT).step == 8
    assert [score.step for score in scores] == [4, 8]
    assert len((out / CURVES).read_text().splitlines()) == 2
    weights = export_run(run(8), network)
    fresh = replace(run(0), work=tmp_path / "again", init=weights, network=NetworkConfig(5, 32, 128))
    begun = train_detector(fresh)
    assert begun.config == network.config, "weights bring their own shape"
    for name, value in begun.state_dict().items():
        torch.testing.assert_close(value.float(), network.state_dict()[name].float(), rtol=1e-3, atol=1e-4)
    assert len(str(read_state(tmp_path / "again" / CHECKPOINT).facts["init"])) == 64
    mixed = load_weights(export_run(replace(run(8), mean_with=weights), network))[0]
    for name, value in mixed.state_dict().items():
        torch.testing.assert_close(value.float(), network.state_dict()[name].float(), rtol=1e-3, atol=1e-4)
    assert "Mean with" in (out / CARD).read_text()
    taught = replace(run(2), work=tmp_path / "taught", init=weights, teachers=(weights,), exclude=("coffee*",))
    looked: list[tuple[int, int]] = []
    corrected = train_detector(taught, searched=lambda *count: looked.append(count))
    assert looked == [(1, 2), (2, 2)], "astronaut and chelsea, or rocket: one is held out, one excluded"
    for (name, value), before in zip(corrected.named_buffers(), network.buffers(), strict=True):
        assert "running" not in name or torch.allclose(value, before, rtol=1e-3, atol=1e-4), "statistics stay"
    train_detector(replace(taught, budget=Budget(steps=3)), searched=lambda *count: looked.append(count))
    assert len(looked) == 2, "what was found is kept with the run"
    export_run(taught, corrected)
    assert "- Taught by: weights with sha256" in (tmp_path / "taught" / CARD).read_text()
    assert LearnedDetector(weights).detect(skimage.data.camera()[:100, :100]).repair.shape == (100, 100)
    card = (out / CARD).read_text()
    assert "8 of 2 crops" in card
    assert (out / "curves.png").stat().st_size > 1000
    assert (out / "sheet.png").stat().st_size > 1000
