"""Batches of digits, each a function of seed and step, so that no sampler state has to be saved."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pipeline.engines.digits.fill import to_tensor
from pipeline.training.digits.datasets import Digits
from pipeline.training.digits.holes import varied_holes

BATCH = 128


class DigitBatch(NamedTuple):
    """Images (N,1,28,28) float32 −1..1, labels (N,) int64, holes (N,1,28,28) float32 0/1."""

    images: Tensor
    labels: Tensor
    holes: Tensor


class DigitBatchMaker:
    """Draws batches: every digit once per epoch, in an order that follows from the seed."""

    def __init__(
        self, digits: Digits, seed: int, *, sizes: tuple[int, ...], elsewhere: float = 0.0, batch: int = BATCH
    ) -> None:
        """``sizes`` are the sides of the centred holes, ``elsewhere`` the share of holes at any place."""
        self._digits = digits
        self._seed = seed
        self._sizes = sizes
        self._elsewhere = elsewhere
        self._batch = min(batch, len(digits))
        self._epoch = -1
        self._order = np.empty(0, dtype=np.int64)

    @property
    def digest(self) -> str:
        """Hash of digits and labels, by which a resumed run recognises them."""
        return hashlib.sha256(self._digits.images.tobytes() + self._digits.labels.tobytes()).hexdigest()[:16]

    @property
    def steps_per_epoch(self) -> int:
        """The number of whole batches in an epoch."""
        return len(self._digits) // self._batch

    def make(self, step: int) -> DigitBatch:
        """Return the batch of a step."""
        epoch, index = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            self._order = np.random.default_rng((self._seed, 0, epoch)).permutation(len(self._digits))
            self._epoch = epoch
        chosen = self._order[index * self._batch : (index + 1) * self._batch]
        rng = np.random.default_rng((self._seed, 1, step))
        holes = varied_holes(len(chosen), self._sizes, rng, share=self._elsewhere)
        return DigitBatch(
            to_tensor(self._digits.images[chosen]),
            torch.from_numpy(self._digits.labels[chosen].astype(np.int64)),
            torch.from_numpy(holes[:, None].astype(np.float32)),
        )
