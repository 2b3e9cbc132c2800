"""The learned detector: windows leave no trace, weights files are checked, masks are explained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch

from pipeline.detection import windows
from pipeline.detection.features import CHANNELS, compute_features
from pipeline.detection.learned import LearnedDetector
from pipeline.detection.load import load_detector
from pipeline.detection.network import DetectorNet, NetworkConfig
from pipeline.detection.thresholds import RepairThreshold, Thresholds
from pipeline.detection.weights import load_weights, save_weights
from pipeline.errors import WeightsError


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny network that marks what its white top-hat shows, without any training."""
    torch.manual_seed(0)
    network = DetectorNet(NetworkConfig(depth=2, width=8, widest=8)).eval()
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_weights(path, network, Thresholds((RepairThreshold(0.95, 0.5, 1),), 0.3), {"steps": "0"})
    return path


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_any_depth_answers_at_full_size(depth: int) -> None:
    network = DetectorNet(NetworkConfig(depth=depth, width=8, widest=16)).eval()
    side = 2 * network.multiple
    with torch.inference_mode():
        logits = network(torch.rand(2, CHANNELS, side, side))
    assert logits.shape == (2, 1, side, side)
    assert float(torch.sigmoid(logits).mean()) < 0.2, "damage is rare before anything is learned"


def test_features_hold_colour_and_local_contrast() -> None:
    picture = np.full((40, 50, 3), 90, np.uint8)
    picture[20, 10:40] = 200
    shown = compute_features(picture)
    assert shown.shape == (CHANNELS, 40, 50)
    assert np.array_equal(shown[:3].transpose(1, 2, 0), picture)
    assert shown[3, 20, 25] == 252, "a bright line stands out at the smallest radius"
    assert not shown[4].any(), "and nothing is dark"


def test_weights_come_back_as_they_were(weights: Path) -> None:
    network, limits, digest = load_weights(weights)
    assert limits.repairs[0].chance == 0.5
    assert network.config == NetworkConfig(depth=2, width=8, widest=8)
    assert len(digest) == 64


def test_the_digest_changes_with_weights_and_with_the_version(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, limits, _ = load_weights(weights)
    digest = LearnedDetector(weights).digest
    assert LearnedDetector(weights).digest == digest
    other = tmp_path / "other.safetensors"
    save_weights(other, network, replace(limits, suggest=0.123), {})
    assert LearnedDetector(other).digest != digest
    monkeypatch.setattr("pipeline.detection.learned.VERSION", "learned 0")
    assert LearnedDetector(weights).digest != digest


def test_windows_give_the_same_as_the_whole(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    detector = LearnedDetector(weights)
    picture = skimage.data.astronaut()[:180, :200]
    whole = detector.probabilities(picture)
    monkeypatch.setattr(windows, "WINDOW", 144)
    cut = detector.probabilities(picture)
    assert whole.shape == picture.shape[:2]
    assert np.abs(whole.astype(int) - cut.astype(int)).max() <= 4


def test_depth_and_channels_do_not_matter(weights: Path) -> None:
    detector = LearnedDetector(weights)
    grey = skimage.data.camera()[:64, :80]
    wanted = detector.probabilities(grey)
    assert np.array_equal(detector.probabilities(grey.astype(np.uint16) * 257), wanted)
    assert np.array_equal(detector.probabilities(np.dstack([grey] * 3)), wanted)
    for shape in ((1, 1), (1, 70), (33, 2, 3)):
        found = detector.detect(np.zeros(shape, np.uint8))
        assert found.repair.shape == shape[:2]


def test_what_is_repaired_suggested_and_neither(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    detector = LearnedDetector(weights)
    probability, picture = np.zeros((240, 320), np.uint8), np.full((240, 320), 90, np.uint8)
    for row in range(10, 200, 30):
        for column in range(5, 320, 40):
            probability[row, column : column + 30] = 140  # likely enough to be repaired in a picture as worn as this
            probability[row, column + 10] = 250
            picture[row, column : column + 30] = 170
    probability[214, 5:30], picture[214, 5:30] = 90, 170  # a suggestion
    probability[225, 60:62], picture[225, 60:62] = 10, 170  # neither
    monkeypatch.setattr(detector, "probabilities", lambda _: probability.copy())
    found = detector.detect(picture, dilate=0)
    assert (found.repair[10, 5:35] == 255).all()
    assert not found.repair[214].any()
    assert (found.suggest[214, 5:30] == 255).all()
    assert not found.suggest[225].any()
    first, last = found.components[0], found.components[-1]
    assert (first.level, first.kind, first.box) == ("repair", "scratch", (5, 10, 30, 1))
    assert last.level == "suggest"
    assert "a probability of 98%" in first.reason and "lighter than its surroundings" in first.reason
    assert f"{first.reason.rpartition(', and ')[2]}; darker ones: none" in found.note
    assert first.probability is not None and last.probability is not None and first.probability > last.probability
    keen = detector.detect(picture, dilate=0, sensitivity=4)
    assert (keen.suggest >= found.suggest).all()
    assert detector.detect(picture, max_coverage=0.001).review


def test_without_weights_the_remedy_is_named(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.detection.weights.WEIGHTS", tmp_path / "absent.safetensors")
    with pytest.raises(WeightsError, match="train detector"):
        load_detector("learned")
    monkeypatch.setattr("pipeline.detection.weights.WEIGHTS", weights)
    assert load_detector("learned").name == "learned"


@pytest.mark.parametrize("content", [b"", b"no weights at all", None])
def test_bad_weights_are_refused_by_name(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "bad.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"bad\.safetensors"):
        LearnedDetector(path)


def test_foreign_and_cut_weights_are_refused(tmp_path: Path, weights: Path) -> None:
    from safetensors.torch import save_file

    foreign = tmp_path / "foreign.safetensors"
    save_file({"a": torch.zeros(3)}, foreign, {"format": "something-else"})
    with pytest.raises(WeightsError, match="damage detector"):
        load_weights(foreign)
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(WeightsError):
        load_weights(cut)
