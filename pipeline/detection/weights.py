"""Read and write weights files of the learned detector: the network's shape, thresholds and tensors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.detection.thresholds import Thresholds
from pipeline.weights import SHIPPED, Kind, WeightsFile, read_weights
from pipeline.weights.descriptor import OF_KIND

if TYPE_CHECKING:
    from pipeline.detection.network import DetectorNet

WEIGHTS = SHIPPED / "detector.safetensors"


def read_header(path: Path) -> tuple[dict[str, int], Thresholds, str]:
    """Return the shape of a network (depth, width, widest), its thresholds, and the file's sha256, without torch.

    Raises:
        WeightsError: the file is missing, damaged or of another kind.
    """
    weights = read_weights(path, Kind.DETECTOR)
    return *_shape(weights), weights.sha256


def load_weights(path: Path) -> tuple[DetectorNet, Thresholds, str]:
    """Return the network in eval mode, in float32 and without gradients, its thresholds, and the file's sha256.

    Raises:
        WeightsError: the file is missing, damaged, of another kind, or holds values that are not finite.
    """
    import torch

    from pipeline.detection.network import DetectorNet, NetworkConfig
    from pipeline.weights.tensors import load_tensors

    weights = read_weights(path, Kind.DETECTOR)
    shape, thresholds = _shape(weights)
    network = load_tensors(DetectorNet(NetworkConfig(**shape)), weights)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network, thresholds, weights.sha256


def save_weights(path: Path, network: DetectorNet, thresholds: Thresholds, facts: dict[str, str]) -> str:
    """Write the network with its shape, its thresholds and ``facts``, and return the file's sha256."""
    from pipeline.weights.tensors import save_tensors

    described = {"format": OF_KIND[Kind.DETECTOR], "thresholds": thresholds.as_json()}
    return save_tensors(path, network, {**facts, **network.config.as_metadata(), **described})


def _shape(weights: WeightsFile) -> tuple[dict[str, int], Thresholds]:
    try:
        shape = {name: int(value) for name, value in weights.shape.items()}
        return shape, Thresholds.from_json(weights.metadata.get("thresholds", "{}"))
    except (ValueError, TypeError, LookupError) as error:
        raise weights.damaged(error) from error
