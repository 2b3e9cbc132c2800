"""The region network: Region Normalization, RN-B where the hole is known, RN-L where it has begun to fill."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.engines.digits.blocks import BasicBlock, LearnedBlock, RegionContext
from pipeline.rn.basic import BasicRegionNorm
from pipeline.rn.blocks import activate, convolution
from pipeline.rn.regions import shrink_hole


class RegionGenerator(nn.Module):
    """An encoder-decoder at 1/2 and 1/4 of the digit's side: residual blocks with RN-B, then with RN-L, and a skip."""

    def __init__(self, widths: tuple[int, int] = (32, 96), hypotheses: int = 8) -> None:
        super().__init__()
        wide, deep = widths
        self.stem = convolution(8, wide)
        self.stem_norm = BasicRegionNorm(wide)
        self.encoder = BasicBlock(wide)
        self.down = convolution(wide, deep, stride=2)
        self.down_norm = BasicRegionNorm(deep)
        self.bottom_basic = BasicBlock(deep)
        self.context = RegionContext(deep)
        self.bottom_learned = LearnedBlock(deep)
        self.up = convolution(deep, 4 * wide)
        self.join = convolution(2 * wide, wide, size=1)
        self.decoder = LearnedBlock(wide)
        self.head = convolution(wide, 4 * hypotheses)
        nn.init.normal_(self.head.weight, std=0.01)
        self.belief = nn.Linear(2 * deep, hypotheses)

    def hypotheses(self, image: Tensor, hole: Tensor) -> tuple[Tensor, Tensor]:
        """Return all drawings (N,K,28,28) −1..1 and logits (N,K) of which is right; arguments as :meth:`forward`."""
        half, quarter = shrink_hole(hole, 2), shrink_hole(hole, 4)
        seen = F.pixel_unshuffle(torch.cat([image * (1.0 - hole), hole], dim=1), 2)
        features = activate(self.stem_norm(self.stem(seen), half))
        skip = self.encoder(features, half)
        features = activate(self.down_norm(self.down(activate(skip)), quarter))
        features = self.context(self.bottom_basic(features, quarter), quarter)
        features = activate(self.bottom_learned(features))
        pooled = torch.cat([features.float().mean(dim=(2, 3)), features.float().amax(dim=(2, 3))], dim=1)
        logits: Tensor = self.belief(pooled).float()
        features = F.pixel_shuffle(self.up(features), 2)
        features = self.join(torch.cat([features, skip], dim=1))
        features = self.decoder(features)
        drawn = torch.tanh(F.pixel_shuffle(self.head(activate(features)).float(), 2))
        return drawn, logits

    def forward(self, image: Tensor, hole: Tensor) -> Tensor:
        """Return the whole digit as the generator draws it, (N,1,28,28) −1..1; known pixels are not pasted back.

        ``image`` is (N,1,28,28) −1..1, ``hole`` (N,1,28,28) 0/1. Pixels of ``image`` in the hole are ignored, and
        no digit depends on the others of its batch.
        """
        drawn, logits = self.hypotheses(image, hole)
        return central(drawn, torch.softmax(logits, dim=1), hole)


def central(drawn: Tensor, probabilities: Tensor, hole: Tensor) -> Tensor:
    """Return the drawing of several (N,K,28,28) with the least expected error in the hole, (N,1,28,28).

    ``probabilities`` (N,K) say how likely each is to be right. The result is not simply the most probable one: where
    three drawings of a 3 share the probability and one of an 8 has a little more than each, it is a 3. Nor is it the
    mean, which would be blurred.
    """
    candidates = drawn.unbind(dim=1)
    errors = [((drawn - one[:, None]).abs() * hole).sum(dim=(2, 3)) for one in candidates]
    expected = torch.stack([(error * probabilities).sum(dim=1) for error in errors], dim=1)
    return drawn[torch.arange(len(drawn)), expected.argmin(dim=1)][:, None]
