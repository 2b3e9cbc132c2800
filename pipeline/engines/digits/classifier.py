"""The classifier that reads digits after they were filled; it is trained on whole digits only."""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn


class DigitClassifier(nn.Module):
    """Convolutions 32, 64, 128 (3×3, ReLU, max pooling), two dense layers; the softmax is in the loss."""

    def __init__(self) -> None:
        super().__init__()
        sizes = (1, 32, 64, 128)
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(sizes))
        self.hidden = nn.Linear(sizes[-1] * 3 * 3, 128)
        self.head = nn.Linear(128, 10)

    def forward(self, image: Tensor) -> Tensor:
        """Return the ten logits (N,10) of digits (N,1,28,28) −1..1."""
        features = image
        for convolution in self.convolutions:
            features = F.max_pool2d(F.relu(convolution(features)), 2)
        features = F.dropout(F.relu(self.hidden(features.flatten(1))), 0.5, self.training)
        logits: Tensor = self.head(features).float()
        return logits
