"""Tensors come back as they were saved, in float32, and equal weights make equal files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from pipeline.errors import WeightsError
from pipeline.weights import Kind, read_weights
from pipeline.weights.tensors import load_tensors, save_tensors

METADATA = {"format": "damage-detector-1", "depth": "1", "width": "2", "widest": "3", "steps": "4"}


def network() -> nn.Module:
    """Return a small network with statistics and a counter."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    digest = save_tensors(path, network(), METADATA)
    weights = read_weights(path, Kind.DETECTOR)
    assert (weights.sha256, weights.metadata) == (digest, METADATA)
    other = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    loaded = load_tensors(other, weights)
    assert loaded is other and not loaded.training
    for key, value in network().state_dict().items():
        found = loaded.state_dict()[key]
        assert found.dtype == value.dtype and torch.equal(found, value.half().to(value.dtype))
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_equal_weights_make_equal_files(tmp_path: Path) -> None:
    digests = {save_tensors(tmp_path / f"{turn}", network(), dict(sorted(METADATA.items()))) for turn in range(5)}
    assert len(digests) == 1
    assert len(list(tmp_path.iterdir())) == 5, "nothing is left beside them"


def test_tensors_of_another_network_are_refused(tmp_path: Path) -> None:
    save_tensors(tmp_path / "w", network(), METADATA)
    with pytest.raises(WeightsError, match=r"is damaged or of another version .*found sha256"):
        load_tensors(nn.Linear(2, 2), read_weights(tmp_path / "w", Kind.DETECTOR))


@pytest.mark.parametrize("key", ["0.weight", "1.running_var"])
def test_values_that_are_not_finite_are_refused(tmp_path: Path, key: str) -> None:
    broken = network()
    broken.state_dict()[key].view(-1)[0] = torch.nan
    save_tensors(tmp_path / "w", broken, METADATA)
    with pytest.raises(WeightsError, match="holds values that are not finite: found sha256"):
        load_tensors(network(), read_weights(tmp_path / "w", Kind.DETECTOR))
