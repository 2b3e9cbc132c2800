"""Run the detector's network by torch, on the CPU or a CUDA device; the reference for other backends."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pipeline.detection.network import DetectorNet
from pipeline.detection.runners import Features, Sink
from pipeline.runtime.memory import malloc_trim
from pipeline.runtime.precision import computes_bfloat16, float32_only

#: Windows of one size in a batch on a GPU.
BATCH = 8


class Probabilities(nn.Module):
    """Map features (N,9,H,W) uint8 to probabilities (N,1,H,W) uint8 in 1/255."""

    def __init__(self, network: DetectorNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, features: Tensor) -> Tensor:
        """Return the probabilities."""
        return (torch.sigmoid(self.network(features.float() / 255).float()) * 255).round().to(torch.uint8)


class TorchRunner:
    """Run a detector, channels-last: in bfloat16 where the CPU computes in it, in float16 on a GPU.

    In float32 where the settings ask for it. What float16 cannot hold is computed again in float32.

    Args:
        network: in eval mode.
        device: `cpu` or `cuda`.
        dtype: to compute in; by default the one that suits the device.
    """

    def __init__(self, network: DetectorNet, device: str = "cpu", dtype: torch.dtype | None = None) -> None:
        self._device = torch.device(device)
        self._network = network.to(self._device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if dtype is None:
            dtype = _suitable(self._device)
        self._dtype = dtype
        self._batch = BATCH if self._device.type == "cuda" else 1
        self.runtime = f"torch {torch.__version__} {str(dtype).removeprefix('torch.')} on {self._device.type}"

    def run(self, windows: Iterable[tuple[Features, Sink]]) -> None:
        """See `pipeline.detection.runners.Runner`."""
        waiting: list[tuple[Features, Sink]] = []
        for window in windows:
            if waiting and (len(waiting) == self._batch or waiting[0][0].shape != window[0].shape):
                self._flush(waiting)
                waiting = []
            waiting.append(window)
        if waiting:
            self._flush(waiting)

    def release(self) -> None:
        """See `pipeline.detection.runners.Runner`."""
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        malloc_trim()

    def _flush(self, windows: list[tuple[Features, Sink]]) -> None:
        """Run windows of one size as one batch, or in halves where the device has too little memory."""
        try:
            found = self._predict(np.stack([features for features, _ in windows]))
        except torch.OutOfMemoryError as error:
            torch.cuda.empty_cache()
            if len(windows) == 1:
                raise MemoryError(str(error)) from error
            self._batch = max(1, len(windows) // 2)
            self._flush(windows[: self._batch])
            self._flush(windows[self._batch :])
            return
        for probability, (_, sink) in zip(found, windows, strict=True):
            sink(probability)

    @torch.inference_mode()
    def _predict(self, features: Features) -> NDArray[np.uint8]:
        """Return probabilities (N,H,W) in 1/255 for features (N,9,H,W)."""
        given = torch.from_numpy(features).to(self._device).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self._device.type, dtype=self._dtype, enabled=self._dtype != torch.float32):
            logits = self._network(given.to(self._dtype) / 255).float()
        if self._dtype == torch.float16 and not bool(torch.isfinite(logits).all()):
            logits = self._network(given.float() / 255)
        probability = (torch.sigmoid(logits) * 255).round().to(torch.uint8)
        return np.asarray(probability[:, 0].cpu().numpy(), np.uint8)


def _suitable(device: torch.device) -> torch.dtype:
    """Return float16 for a GPU, bfloat16 for a CPU that computes in it; float32 elsewhere, where it is quicker."""
    if float32_only():
        return torch.float32
    if device.type == "cuda":
        return torch.float16
    return torch.bfloat16 if computes_bfloat16(device) else torch.float32
