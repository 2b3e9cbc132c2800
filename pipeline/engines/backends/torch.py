"""The generator run by torch, on the CPU or a CUDA device; the other backends are measured against it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import torch

from pipeline.engines.interface import FloatImage

if TYPE_CHECKING:
    from pipeline.rn.generator import Generator


class TorchNetwork:
    """Runs a generator in bf16 (float32 statistics), channels-last.

    Args:
        generator: in eval mode.
        device: ``cpu`` or ``cuda``.
        exact: float32 throughout, for comparisons.
    """

    def __init__(self, generator: Generator, device: str = "cpu", exact: bool = False) -> None:
        self._device = torch.device(device)
        self._generator = generator.to(self._device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._exact = exact
        self.runtime = f"torch {'float32' if exact else 'bf16'} on {device}"
        self.batch_pixels = 1 << 24 if device == "cuda" else 1 << 18

    def run(self, images: FloatImage, holes: FloatImage) -> FloatImage:
        """The filled pictures; see :class:`Network`."""
        precision = (
            contextlib.nullcontext()
            if self._exact
            else torch.autocast(device_type=self._device.type, dtype=torch.bfloat16)
        )
        try:
            with torch.inference_mode(), precision:
                image = torch.from_numpy(images).to(self._device).contiguous(memory_format=torch.channels_last)
                filled = self._generator(image, torch.from_numpy(holes).to(self._device))
                result: FloatImage = filled.float().contiguous().cpu().numpy()
                return result
        except torch.cuda.OutOfMemoryError as error:
            torch.cuda.empty_cache()
            raise MemoryError(str(error)) from error
