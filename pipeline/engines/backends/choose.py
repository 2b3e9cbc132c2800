"""The backend that suits the machine."""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path

from pipeline.engines.backends import Network
from pipeline.engines.backends.export import digest_of, exported
from pipeline.engines.rn import RnEngine
from pipeline.errors import ConfigurationError, WeightsError

log = logging.getLogger(__name__)

DEVICES = ("auto", "cpu", "cuda")
CPU_BACKENDS = ("openvino", "torch")
"""In the order in which `auto` takes the first that is installed."""


def load_rn(path: Path, expected: str | None = None, *, device: str = "auto", backend: str = "auto") -> RnEngine:
    """Returns the `rn` engine with the weights in a file, whose sha256 is given where it is known.

    See :func:`pipeline.engines.load_engine`.
    """
    from pipeline.settings import settings

    device = settings().device if device == "auto" else device
    backend = settings().backend if backend == "auto" else backend
    if device not in DEVICES:
        raise ConfigurationError(f"there is no device {device!r}; there are {', '.join(DEVICES)}")
    if backend not in ("auto", *CPU_BACKENDS):
        raise ConfigurationError(f"there is no backend {backend!r}; there are auto, {', '.join(CPU_BACKENDS)}")
    if device == "cuda" and backend not in ("auto", "torch"):
        raise ConfigurationError(f"backend {backend!r} runs on the CPU only; with device cuda take torch")
    if expected is not None and (found := digest_of(path)) != expected:
        raise WeightsError(
            f"{path} is not the file that was shipped: its sha256 is {found}, expected {expected}; restore it, or name"
            " your own weights by their path"
        )
    if device == "cuda" or (device == "auto" and backend in ("auto", "torch") and _cuda_driver()):
        import torch

        if torch.cuda.is_available():
            network, digest = _torch(path, "cuda")
            return RnEngine(network, digest, lambda: _on_cpu(path, "auto")[0])
        if device == "cuda":
            raise ConfigurationError("device cuda was asked for, but torch finds none here; take device auto or cpu")
    return RnEngine(*_on_cpu(path, backend))


def _cuda_driver() -> bool:
    """Whether it is worth the seconds of importing torch to ask it for a CUDA device."""
    return any(Path(device).exists() for device in ("/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg"))


def _on_cpu(path: Path, backend: str) -> tuple[Network, str]:
    """Returns the network on the CPU and the digest of its weights."""
    if backend != "auto":
        if importlib.util.find_spec(backend) is None:
            raise ConfigurationError(f"backend {backend!r} is not installed; pip install {backend}")
        return _load(path, backend)
    if importlib.util.find_spec("openvino") is not None:
        try:
            return _load(path, "openvino")
        except WeightsError:
            raise
        except Exception as error:
            # Whatever an exporter or a runtime stumbles over: torch itself always can.
            log.warning("OpenVINO cannot be used, going on with torch: %s", error)
    return _load(path, "torch")


def _load(path: Path, backend: str) -> tuple[Network, str]:
    if backend == "torch":
        return _torch(path, "cpu")
    from pipeline.engines.backends.openvino import OpenVINONetwork
    from pipeline.settings import settings

    model, digest = exported(path, settings().cache)
    return OpenVINONetwork(model), digest


def _torch(path: Path, device: str) -> tuple[Network, str]:
    from pipeline.engines.backends.torch import TorchNetwork
    from pipeline.rn.weights import load_generator

    generator, digest = load_generator(path)
    return TorchNetwork(generator, device), digest
