"""Hard example mining: crops with false positives are shown again until the network is right."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from pipeline.training.detector.data import INTACT

#: Sum of the false positive pixels' probabilities from which a crop is a hard example.
HARD = 20.0


class HardExamples:
    """A bounded store of crops on which the network marked intact pixels.

    Where false positives are rare, most crops teach nothing about them. Crops with false positives are therefore kept,
    shown again, and dropped once they have none. They are found in the logits of the training step, without another
    forward pass.

    Args:
        size: number of crops kept; the least hard one is replaced.
        seed: of the choice of crops that are shown again.
    """

    def __init__(self, size: int = 400, seed: int = 0) -> None:
        self.size = size
        self._rng = np.random.default_rng(seed)
        self._kept: list[tuple[float, Tensor, Tensor]] = []

    def __len__(self) -> int:
        return len(self._kept)

    def take(self, count: int) -> list[tuple[Tensor, Tensor]]:
        """Return up to `count` crops (planes (9,S,S), labels (S,S)) and forget them; `remember` may add them again.

        The choice is random: the network would overfit to the hardest ones.
        """
        taken = []
        for _ in range(min(count, len(self._kept))):
            at = int(self._rng.integers(len(self._kept)))
            self._kept[at], self._kept[-1] = self._kept[-1], self._kept[at]
            _, planes, labels = self._kept.pop()
            taken.append((planes, labels))
        return taken

    def remember(self, planes: Tensor, labels: Tensor, logits: Tensor) -> None:
        """Keep the hard examples of a batch.

        Args:
            planes: (N,9,S,S) uint8.
            labels: (N,S,S) uint8, see `pipeline.training.detector.data`.
            logits: (N,1,S,S) of the network.
        """
        with torch.no_grad():
            probability = torch.sigmoid(logits[:, 0].float())
            false = (probability * (probability > 0.5) * (labels == INTACT)).sum(dim=(1, 2))
        for index, hardness in enumerate(false.tolist()):
            if hardness < HARD:
                continue
            if len(self._kept) == self.size:
                least = min(range(self.size), key=lambda at: self._kept[at][0])
                if self._kept[least][0] >= hardness:
                    continue
                self._kept.pop(least)
            self._kept.append((hardness, planes[index].clone(), labels[index].clone()))
