"""Crops that fooled the detector come back until they no longer do."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from pipeline.training.detector.data import INTACT

#: A crop comes back while the network gives its intact pixels this much chance in sum: a false mark of some pixels.
FOOLED = 20.0


class HardExamples:
    """A bounded store of crops on which the network marked intact pixels.

    Where false marks are rare, most crops teach nothing about them. What fooled the network is therefore kept, shown
    again, and let go once it no longer fools it. The false marks are read off the training step itself: they cost
    no further pass.

    Args:
        size: crops kept; the one that fooled least gives way.
        seed: of the choice of what comes back.
    """

    def __init__(self, size: int = 400, seed: int = 0) -> None:
        self.size = size
        self._rng = np.random.default_rng(seed)
        self._kept: list[tuple[float, Tensor, Tensor]] = []

    def __len__(self) -> int:
        return len(self._kept)

    def take(self, count: int) -> list[tuple[Tensor, Tensor]]:
        """Return up to `count` crops (planes (9,S,S), labels (S,S)) and forgets them; `remember` may bring them back.

        Which ones is left to chance: the worst again and again would be learned by heart.
        """
        taken = []
        for _ in range(min(count, len(self._kept))):
            at = int(self._rng.integers(len(self._kept)))
            self._kept[at], self._kept[-1] = self._kept[-1], self._kept[at]
            _, planes, labels = self._kept.pop()
            taken.append((planes, labels))
        return taken

    def remember(self, planes: Tensor, labels: Tensor, logits: Tensor) -> None:
        """Keep those crops of a batch that fooled the network.

        Args:
            planes: (N,9,S,S) uint8.
            labels: (N,S,S) uint8, see `detector_data`.
            logits: (N,1,S,S), what the network answered.
        """
        with torch.no_grad():
            chance = torch.sigmoid(logits[:, 0].float())
            false = (chance * (chance > 0.5) * (labels == INTACT)).sum(dim=(1, 2))
        for index, fooled in enumerate(false.tolist()):
            if fooled < FOOLED:
                continue
            if len(self._kept) == self.size:
                least = min(range(self.size), key=lambda at: self._kept[at][0])
                if self._kept[least][0] >= fooled:
                    continue
                self._kept.pop(least)
            self._kept.append((fooled, planes[index].clone(), labels[index].clone()))
