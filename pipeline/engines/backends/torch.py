"""The generator run by torch, on the CPU or a CUDA device; the other backends are measured against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from pipeline.engines.interface import FloatImage

if TYPE_CHECKING:
    from pipeline.rn.generator import Generator


class TorchNetwork:
    """Runs a generator: on the CPU in float32, on a GPU in bf16 with float32 statistics, channels-last.

    Args:
        generator: in eval mode.
        device: ``cpu`` or ``cuda``.
    """

    def __init__(self, generator: Generator, device: str = "cpu") -> None:
        self._device = torch.device(device)
        self._generator = generator.to(self._device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._half = self._device.type == "cuda"
        self.runtime = f"torch {torch.__version__} {'bf16' if self._half else 'float32'} on {self._device.type}"
        self.batch_pixels = 1 << 23 if self._half else 1 << 18

    def run(self, images: FloatImage, holes: FloatImage) -> FloatImage:
        """The filled pictures; see :class:`pipeline.engines.backends.Network`."""
        half = torch.autocast(device_type=self._device.type, dtype=torch.bfloat16, enabled=self._half)
        try:
            with torch.inference_mode(), half:
                image = torch.from_numpy(images).to(self._device).contiguous(memory_format=torch.channels_last)
                filled = self._generator(image, torch.from_numpy(holes).to(self._device))
                result: FloatImage = filled.float().contiguous().cpu().numpy()
                return result
        except torch.OutOfMemoryError as error:
            torch.cuda.empty_cache()
            raise MemoryError(str(error)) from error
