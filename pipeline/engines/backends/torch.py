"""Run the generator by torch, on the CPU or a CUDA device; the reference for the other backends."""

from __future__ import annotations

import torch

from pipeline.engines.interface import FloatImage
from pipeline.rn.generator import Generator
from pipeline.runtime.precision import float32_only


class TorchNetwork:
    """Runs a generator, channels-last: on the CPU in float32, on a GPU with convolutions in float16.

    Statistics are float32 always. What float16 cannot hold is computed again in float32.

    Args:
        generator: in eval mode.
        device: ``cpu`` or ``cuda``.
        half: float16 or not; by default where the device is a GPU and the settings do not ask for float32.
    """

    def __init__(self, generator: Generator, device: str = "cpu", half: bool | None = None) -> None:
        self._device = torch.device(device)
        self._generator = generator.to(self._device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._half = self._device.type == "cuda" and not float32_only() if half is None else half
        self.runtime = f"torch {torch.__version__} {'float16' if self._half else 'float32'} on {self._device.type}"
        self.batch_pixels = 1 << 23 if self._device.type == "cuda" else 1 << 18
        # Torch spreads one call over all cores, or over the GPU.
        self.calls = 1

    def run(self, images: FloatImage, holes: FloatImage) -> FloatImage:
        """Return the filled pictures; see :class:`pipeline.engines.backends.Network`."""
        try:
            with torch.inference_mode():
                image = torch.from_numpy(images).to(self._device).contiguous(memory_format=torch.channels_last)
                hole = torch.from_numpy(holes).to(self._device)
                with torch.autocast(self._device.type, dtype=torch.float16, enabled=self._half):
                    filled = self._generator(image, hole).float()
                if self._half and not bool(torch.isfinite(filled).all()):
                    filled = self._generator(image, hole)
                result: FloatImage = filled.contiguous().cpu().numpy()
                return result
        except torch.OutOfMemoryError as error:
            torch.cuda.empty_cache()
            raise MemoryError(str(error)) from error
