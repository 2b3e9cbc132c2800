"""The precision in which networks compute: what the hardware is quick in, and what the installation asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def float32_only() -> bool:
    """Return whether the installation's settings ask for float32 where bfloat16 or float16 would be quicker."""
    from pipeline.settings import settings

    return settings().network_precision == "float32"


def computes_bfloat16(device: torch.device) -> bool:
    """Return whether a device computes in bfloat16; torch imitates it on other CPUs, many times slower than float32."""
    import torch

    if device.type != "cpu":
        return True
    available = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return available and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def autocast_training(device: torch.device) -> torch.autocast:
    """Return the context of a training step: bfloat16 where the device computes in it, float32 elsewhere."""
    import torch

    return torch.autocast(device.type, torch.bfloat16, enabled=computes_bfloat16(device))


def training_arithmetic(device: torch.device) -> str:
    """Return in words what `autocast_training` computes in."""
    return "bfloat16 with float32 statistics and weights" if computes_bfloat16(device) else "float32"
