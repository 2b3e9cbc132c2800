"""Define the learned detector's network: a U-Net that works at half size and answers at full size."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.detection.features import CHANNELS
from pipeline.runtime.precision import computes_bfloat16, float32_only


@dataclass(frozen=True)
class NetworkConfig:
    """Size of a detector network.

    Attributes:
        depth: how often the picture is halved; 2 sees some 30 px around a pixel, 5 some 300.
        width: channels at half size, and by how many they grow a level, up to `widest`.
        widest: most channels of a level.
    """

    depth: int = 5
    width: int = 32
    widest: int = 128

    def channels(self) -> list[int]:
        """Return the channels of each level, finest first."""
        return [min(self.widest, self.width * (1 + level)) for level in range(self.depth)]

    def as_metadata(self) -> dict[str, str]:
        """Return the size as strings, for the header of a weights file."""
        return {name: str(value) for name, value in asdict(self).items()}

    @classmethod
    def from_metadata(cls, metadata: dict[str, str]) -> NetworkConfig:
        """Return the size that a weights file's header names."""
        return cls(**{name: int(metadata[name]) for name in ("depth", "width", "widest")})


def _block(inputs: int, outputs: int, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation, bias=False),
        # Batches are few and differ: with the usual momentum the statistics would depend on the last ten.
        nn.BatchNorm2d(outputs, momentum=0.02),
        nn.ReLU(inplace=True),
    )


class DetectorNet(nn.Module):
    """Predict for each pixel how likely it is damage.

    Colour and top-hats (see `compute_features`) are folded to half size with four times the channels, which loses
    nothing and keeps the expensive first convolutions small; four logits a position unfold to full size at the end.
    Outside training, normalisation uses fixed statistics, so that a pixel's answer does not depend on its tile.
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
        # Where `quantise` rounds; nothing otherwise.
        self.entry: nn.Module = nn.Identity()
        self.bottom: nn.Module = nn.Identity()
        # Damage is rare: starting from a low probability saves the first steps.
        with torch.no_grad():
            self.head.bias.fill_(-3.5)  # type: ignore[union-attr]

    @property
    def multiple(self) -> int:
        """Return what height and width must be a multiple of."""
        return int(2**self.config.depth)

    def forward(self, features: Tensor) -> Tensor:
        """Return logits (N,1,H,W) for input (N,9,H,W) in 0..1; H and W are multiples of `multiple`."""
        hidden = self.entry(F.pixel_unshuffle(2 * features - 0.5, 2))
        hidden = hidden.contiguous(memory_format=torch.channels_last)
        skips: list[Tensor] = []
        for level, block in enumerate(self.down):
            hidden = block(F.max_pool2d(hidden, 2) if level else hidden)
            skips.append(hidden)
        hidden = self.bottom(hidden + self.deep(hidden))
        for level in range(len(self.up) - 1, -1, -1):
            hidden = F.interpolate(hidden, scale_factor=2, mode="nearest")
            hidden = self.up[level](torch.cat([skips[level], hidden], dim=1))
        return F.pixel_shuffle(self.head(hidden), 2)


def predict_logits(network: nn.Module, features: Tensor) -> Tensor:
    """Return the logits (N,1,H,W) for features (N,9,H,W) uint8 on the CPU, computed as training does.

    In bfloat16 where the CPU computes in it; in float32 elsewhere, and where the settings ask for it except in a
    training step.
    """
    exact = float32_only() and not torch.is_grad_enabled()
    dtype = torch.bfloat16 if computes_bfloat16(features.device) and not exact else torch.float32
    shown = features.contiguous(memory_format=torch.channels_last).to(dtype) / 255
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        logits: Tensor = network(shown)
    return logits
