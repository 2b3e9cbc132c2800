"""Using the networks: filling holes of digits, and reading digits."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

GROUP = 50
"""How many digits go through a network together. Always as many: the last group is padded, because arithmetic in
groups of another size may round otherwise, and a digit's result must not depend on its neighbours."""


def draw(network: nn.Module, images: NDArray[np.float32], holes: NDArray[np.bool_]) -> NDArray[np.float32]:
    """What a generator draws, (N,28,28) float32 0..1, the known pixels put back exactly.

    ``images`` is (N,28,28) float32 0..1 (what stands in the holes never matters), ``holes`` (N,28,28).
    """
    values = torch.from_numpy(np.where(holes, np.float32(0.5), images) * np.float32(2) - np.float32(1))[:, None]
    missing = torch.from_numpy(holes.astype(np.float32))[:, None]
    drawn = _grouped(network, values, missing)[:, 0].numpy()
    result: NDArray[np.float32] = np.where(holes, np.clip((drawn + 1) / 2, 0, 1), images).astype(np.float32)
    return result


def fill(network: nn.Module, images: NDArray[np.uint8], holes: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Digits (N,28,28) uint8 with their holes (N,28,28) filled; known pixels come back exactly."""
    drawn = draw(network, images.astype(np.float32) / np.float32(255), holes)
    return np.where(holes, np.rint(drawn * 255), images).astype(np.uint8)


def read(judge: nn.Module, images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """What the judge takes each digit (N,28,28) for, 0..9."""
    return cast("NDArray[np.int64]", _grouped(judge, to_tensor(images)).argmax(dim=1).numpy())


@torch.inference_mode()
def _grouped(network: nn.Module, *inputs: Tensor) -> Tensor:
    """The network's output, group by group."""
    network.eval()
    outputs = []
    for start in range(0, len(inputs[0]), GROUP):
        group = [tensor[start : start + GROUP] for tensor in inputs]
        count = len(group[0])
        padded = [torch.cat([part, part.new_zeros(GROUP - count, *part.shape[1:])]) for part in group]
        outputs.append(network(*padded)[:count])
    return torch.cat(outputs) if outputs else inputs[0]


def to_tensor(images: NDArray[np.uint8]) -> Tensor:
    """Digits (N,28,28) uint8 as (N,1,28,28) float32 −1..1."""
    return torch.from_numpy(images.astype(np.float32) / 127.5 - 1.0)[:, None]
