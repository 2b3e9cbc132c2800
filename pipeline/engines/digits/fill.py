"""Fill holes of digits with a network, and read digits with the classifier."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

BATCH = 50
"""Digits in a batch. The last batch is padded to it: rounding may depend on the size of a batch, and the result of a
digit must not depend on the others."""


def draw(network: nn.Module, images: NDArray[np.float32], holes: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return what a generator draws, (N,28,28) float32 0..1, with the known pixels pasted back exactly.

    ``images`` is (N,28,28) float32 0..1 (pixels in the holes are ignored), ``holes`` (N,28,28).
    """
    values = torch.from_numpy(np.where(holes, np.float32(0.5), images) * np.float32(2) - np.float32(1))[:, None]
    missing = torch.from_numpy(holes.astype(np.float32))[:, None]
    drawn = _batched(network, values, missing)[:, 0].numpy()
    result: NDArray[np.float32] = np.where(holes, np.clip((drawn + 1) / 2, 0, 1), images).astype(np.float32)
    return result


def fill(network: nn.Module, images: NDArray[np.uint8], holes: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return digits (N,28,28) uint8 with their holes (N,28,28) filled; known pixels are unchanged."""
    drawn = draw(network, images.astype(np.float32) / np.float32(255), holes)
    return np.where(holes, np.rint(drawn * 255), images).astype(np.uint8)


def read(classifier: nn.Module, images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the class of each digit (N,28,28) according to the classifier, (N,) 0..9."""
    return cast("NDArray[np.int64]", _batched(classifier, to_tensor(images)).argmax(dim=1).numpy())


@torch.inference_mode()
def _batched(network: nn.Module, *inputs: Tensor) -> Tensor:
    """Return the network's output for padded batches."""
    network.eval()
    outputs = []
    for start in range(0, len(inputs[0]), BATCH):
        batch = [tensor[start : start + BATCH] for tensor in inputs]
        count = len(batch[0])
        padded = [torch.cat([part, part.new_zeros(BATCH - count, *part.shape[1:])]) for part in batch]
        outputs.append(network(*padded)[:count])
    return torch.cat(outputs) if outputs else inputs[0]


def to_tensor(images: NDArray[np.uint8]) -> Tensor:
    """Return digits (N,28,28) uint8 as (N,1,28,28) float32 −1..1."""
    return torch.from_numpy(images.astype(np.float32) / 127.5 - 1.0)[:, None]
