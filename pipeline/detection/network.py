"""The learned detector's network: a U-Net of any depth that looks at half size and answers at full size."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.detection.features import CHANNELS
from pipeline.runtime.precision import float32_only


@dataclass(frozen=True)
class NetworkConfig:
    """Shape of a detector network.

    Attributes:
        depth: how often the picture is halved; 2 sees some 30 px around a pixel, 5 some 300.
        width: channels at half size; they grow by half its amount a level, up to `widest`.
        widest: most channels of a level.
    """

    depth: int = 5
    width: int = 32
    widest: int = 128

    def channels(self) -> list[int]:
        """Return the channels of each level, finest first."""
        return [min(self.widest, self.width * (1 + level)) for level in range(self.depth)]

    def as_metadata(self) -> dict[str, str]:
        """Return the shape as strings, for the header of a weights file."""
        return {name: str(value) for name, value in asdict(self).items()}

    @classmethod
    def from_metadata(cls, metadata: dict[str, str]) -> NetworkConfig:
        """Return the shape that a weights file's header names."""
        return cls(**{name: int(metadata[name]) for name in ("depth", "width", "widest")})


def _block(inputs: int, outputs: int, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation, bias=False),
        # Batches are few and unlike each other: statistics of the last ten would jump from one look to the next.
        nn.BatchNorm2d(outputs, momentum=0.02),
        nn.ReLU(inplace=True),
    )


class DetectorNet(nn.Module):
    """Tells for each pixel how likely it is damage.

    Colour and top-hats (see `planes`) are folded to half size with four times the channels, which loses nothing and
    keeps the costly first convolutions small; four logits a place unfold to full size at the end. Normalisation is by
    fixed statistics when not training, so that a pixel's answer does not depend on which tile it lies in.
    """

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config or NetworkConfig()
        channels = self.config.channels()
        first = 4 * CHANNELS
        self.down = nn.ModuleList(
            nn.Sequential(_block(inputs, outputs), _block(outputs, outputs))
            for inputs, outputs in zip([first, *channels[:-1]], channels, strict=True)
        )
        self.deep = nn.Sequential(_block(channels[-1], channels[-1], 2), _block(channels[-1], channels[-1]))
        self.up = nn.ModuleList(
            nn.Sequential(_block(fine + coarse, fine), _block(fine, fine)) for fine, coarse in pairwise(channels)
        )
        self.head = nn.Conv2d(channels[0], 4, 1)
        # Damage is rare: starting from that spares the first steps.
        with torch.no_grad():
            self.head.bias.fill_(-3.5)  # type: ignore[union-attr]

    @property
    def multiple(self) -> int:
        """What height and width must be a multiple of."""
        return int(2**self.config.depth)

    def forward(self, planes: Tensor) -> Tensor:
        """Return logits (N,1,H,W) for planes (N,9,H,W) in 0..1; H and W are multiples of `multiple`."""
        features = F.pixel_unshuffle(2 * planes - 0.5, 2)
        features = features.contiguous(memory_format=torch.channels_last)
        skips: list[Tensor] = []
        for level, block in enumerate(self.down):
            features = block(F.max_pool2d(features, 2) if level else features)
            skips.append(features)
        features = features + self.deep(features)
        for level in range(len(self.up) - 1, -1, -1):
            finer = skips[level]
            features = F.interpolate(features, size=finer.shape[-2:], mode="nearest")
            features = self.up[level](torch.cat([finer, features], dim=1))
        return F.pixel_shuffle(self.head(features), 2)


def predict_logits(network: nn.Module, planes: Tensor) -> Tensor:
    """Return the logits (N,1,H,W) for planes (N,9,H,W) uint8, computed in bfloat16 on the CPU, as training does.

    In float32 where the settings ask for it, except in a training step.
    """
    dtype = torch.float32 if float32_only() and not torch.is_grad_enabled() else torch.bfloat16
    shown = planes.contiguous(memory_format=torch.channels_last).to(dtype) / 255
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        logits: Tensor = network(shown)
    return logits
