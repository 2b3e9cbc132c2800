"""Load tensors from weights files and save them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from pipeline.atomic_write import atomic_write
from pipeline.weights.descriptor import WeightsFile

Network = TypeVar("Network", bound=nn.Module)


def load_tensors(network: Network, weights: WeightsFile) -> Network:
    """Load a file's tensors into a network and return it in float32, in eval mode, without gradients.

    Raises:
        WeightsError: the file is damaged, its tensors are not the network's, or hold values that are not finite.
    """
    try:
        tensors = {
            key: value.float() if value.is_floating_point() else value for key, value in load(weights.data).items()
        }
        network.load_state_dict(tensors)
    except (RuntimeError, SafetensorError) as error:
        raise weights.damaged(error) from error
    if not all(bool(torch.isfinite(value).all()) for value in tensors.values()):
        raise weights.refuse("holds values that are not finite")
    return network.eval().requires_grad_(False)


def save_tensors(path: Path, network: nn.Module, metadata: dict[str, str]) -> str:
    """Write a network as float16 safetensors, whole or not at all, and return the file's sha256.

    Half precision because a shipped file stays small; its rounding (1 in 2000) is under that of the bf16 arithmetic
    in which networks run. Equal weights with equal metadata make equal files.
    """
    tensors = {key: _half(value.detach().cpu()).contiguous() for key, value in network.state_dict().items()}
    data: bytes = save(tensors, metadata)
    if len(metadata) > 1:
        data = _sort_header(data)
    atomic_write(path, data)
    return hashlib.sha256(data).hexdigest()


def _half(value: Tensor) -> Tensor:
    return value.half() if value.is_floating_point() else value


def _sort_header(data: bytes) -> bytes:
    """Return the same file with its header in a fixed order: safetensors writes several entries in any."""
    length = int.from_bytes(data[:8], "little")
    text = json.dumps(json.loads(data[8 : 8 + length]), sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[8 + length :]
