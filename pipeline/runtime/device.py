"""Choose device and backend of networks: those asked for, or those that suit the machine."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pipeline.errors import ConfigurationError, WeightsError

log = logging.getLogger(__name__)

DEVICES = ("auto", "cpu", "cuda")
CPU_BACKENDS = ("openvino", "torch")
"""`auto` takes the first of these that is installed and works."""

Loaded = TypeVar("Loaded")


def choose_device(device: str = "auto", backend: str = "auto") -> tuple[str, str]:
    """Return the device, `cpu` or `cuda`, and the backend, which is `auto` where the CPU may choose.

    Args:
        device: one of `DEVICES`; `auto` takes this installation's setting, else a GPU where there is one.
        backend: one of `CPU_BACKENDS`, or `auto`; a GPU is torch's.

    Raises:
        ConfigurationError: there is no such device or backend, or they do not go together.
    """
    from pipeline.settings import settings

    device = settings().device if device == "auto" else device
    backend = settings().backend if backend == "auto" else backend
    if device not in DEVICES:
        raise ConfigurationError(f"there is no device {device!r}; there are {', '.join(DEVICES)}")
    if backend not in ("auto", *CPU_BACKENDS):
        raise ConfigurationError(f"there is no backend {backend!r}; there are auto, {', '.join(CPU_BACKENDS)}")
    if device == "cuda" and backend not in ("auto", "torch"):
        raise ConfigurationError(f"backend {backend!r} runs on the CPU only; with device cuda use torch")
    if device == "cuda" or (device == "auto" and backend in ("auto", "torch") and _cuda_driver()):
        import torch

        if torch.cuda.is_available():
            return "cuda", "torch"
        if device == "cuda":
            raise ConfigurationError("device cuda was asked for, but torch finds none here; use device auto or cpu")
    return "cpu", backend


def load_on_cpu(backend: str, load: Callable[[str], Loaded]) -> Loaded:
    """Return what `load` makes of the backend, or of the first of `CPU_BACKENDS` that works where it is `auto`.

    Raises:
        ConfigurationError: the backend is not installed.
        WeightsError: from `load`; another backend would not read them either.
    """
    check_installed(backend)
    if backend != "auto":
        return load(backend)
    if importlib.util.find_spec("openvino") is not None:
        try:
            return load("openvino")
        except WeightsError:
            raise
        except Exception as error:
            # Whatever makes an exporter or a runtime fail, torch itself can run the network.
            log.warning("OpenVINO cannot be used, using torch instead: %s", error)
    return load("torch")


def check_installed(backend: str) -> None:
    """Raise ConfigurationError where a backend of the CPU was asked for by name and is not installed."""
    if backend != "auto" and importlib.util.find_spec(backend) is None:
        raise ConfigurationError(f"backend {backend!r} is not installed; pip install {backend}")


def _cuda_driver() -> bool:
    """Return whether there may be a CUDA device, before spending seconds on importing torch to ask it."""
    return any(Path(device).exists() for device in ("/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg"))
