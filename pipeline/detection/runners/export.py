"""Export the detector's network as ONNX, once per weights file, into the cache."""

from __future__ import annotations

from pathlib import Path

from pipeline.runtime.graph_cache import cached_graph, to_onnx
from pipeline.weights import Kind, read_weights

VERSION = "detector-2"
"""Changed when the exported graph changes."""


def exported_detector(path: Path, cache: Path) -> Path | bytes:
    """Return the network of a weights file as ONNX, with convolutions in 8 bits.

    The graph takes `planes` (N,9,H,W) uint8 and returns `chance` (N,1,H,W) uint8 in 1/255; N, H and W are free, H and W
    multiples of the network's.

    Args:
        path: of the weights.
        cache: folder; when it cannot be written the graph is returned as bytes, and a warning logged.

    Raises:
        WeightsError: the weights are missing, damaged or of another kind.
    """
    return cached_graph(read_weights(path, Kind.DETECTOR).sha256, VERSION, cache, lambda: _graph(path))


def _graph(path: Path) -> bytes:
    """Return the ONNX file of a weights file."""
    import torch

    from pipeline.detection.features import CHANNELS
    from pipeline.detection.runners.quantise import quantise
    from pipeline.detection.runners.torch import Probabilities
    from pipeline.detection.weights import load_weights

    network, _, _ = load_weights(path)
    side = 2 * network.multiple
    example = torch.zeros(1, CHANNELS, side, side + network.multiple, dtype=torch.uint8)
    return to_onnx(Probabilities(quantise(network)), (example,), ["planes"], "chance")
