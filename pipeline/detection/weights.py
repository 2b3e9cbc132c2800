"""Weights files of the learned detector."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.detection.thresholds import Thresholds
from pipeline.errors import WeightsError
from pipeline.runtime.atomic_write import write_whole

if TYPE_CHECKING:
    from pipeline.detection.network import DetectorNet

FORMAT = "damage-detector-1"


WEIGHTS = Path(__file__).resolve().parent.parent / "weights" / "detector.safetensors"


def read_header(path: Path) -> tuple[dict[str, int], Thresholds, str]:
    """Return the shape of a network (depth, width, widest), its thresholds, and the file's sha256, without torch.

    Raises:
        WeightsError: the file is missing, damaged or of another kind.
    """
    from safetensors import SafetensorError, safe_open

    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        with safe_open(path, framework="np") as opened:
            metadata = dict(opened.metadata() or {})
        if metadata.get("format") != FORMAT:
            raise WeightsError(f"{path} holds no weights of a damage detector")
        shape = {name: int(metadata[name]) for name in ("depth", "width", "widest")}
        return shape, Thresholds.from_json(metadata.get("thresholds", "{}")), digest
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"cannot use the detector's weights {path}: {error}") from error


def load_weights(path: Path) -> tuple[DetectorNet, Thresholds, str]:
    """Return the network in eval mode, its thresholds, and the file's sha256.

    Raises:
        WeightsError: the file is missing, damaged or of another kind.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load as load_tensors

    from pipeline.detection.network import DetectorNet, NetworkConfig

    shape, limits, digest = read_header(path)
    try:
        network = DetectorNet(NetworkConfig(**shape))
        tensors = load_tensors(path.read_bytes())
        network.load_state_dict({key: v.float() if v.is_floating_point() else v for key, v in tensors.items()})
    except (OSError, SafetensorError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"cannot use the detector's weights {path}: {error}") from error
    network.eval()
    for parameter in network.parameters():
        if not torch.isfinite(parameter).all():
            raise WeightsError(f"{path} holds values that are not finite")
        parameter.requires_grad_(False)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network, limits, digest


def save_weights(path: Path, network: DetectorNet, limits: Thresholds, facts: dict[str, str]) -> str:
    """Write the network as float16 safetensors that describe themselves; return the file's sha256."""
    from safetensors.torch import save

    tensors = {
        key: value.detach().cpu().half().contiguous() if value.is_floating_point() else value.detach().cpu()
        for key, value in network.state_dict().items()
    }
    metadata = {
        **facts, **network.config.as_metadata(), "format": FORMAT, "thresholds": limits.as_json(),
    }  # fmt: skip
    data = save(tensors, metadata)
    write_whole(path, data)
    return hashlib.sha256(data).hexdigest()
