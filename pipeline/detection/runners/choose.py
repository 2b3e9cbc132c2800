"""Choose the runner that suits the machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipeline.detection.runners import Runner
from pipeline.runtime.device import choose_device, load_on_cpu


def load_runner(path: Path, *, device: str = "auto", backend: str = "auto") -> tuple[Runner, Callable[[], Runner]]:
    """Return a runner of a detector's weights, and a function that makes one on the CPU for a device short of memory.

    Args:
        path: of the weights.
        device: `auto`, `cpu` or `cuda`; `auto` as the settings say.
        backend: `auto`, `openvino` or `torch`; likewise.

    Raises:
        ConfigurationError: there is no such device or backend.
        WeightsError: the weights are missing, damaged or of another kind.
    """
    device, backend = choose_device(device, backend)

    def fall_back() -> Runner:
        return load_on_cpu("auto", lambda name: _load(path, name))

    if device == "cuda":
        return _torch(path, "cuda"), fall_back
    return load_on_cpu(backend, lambda name: _load(path, name)), fall_back


def _load(path: Path, backend: str) -> Runner:
    if backend == "torch":
        return _torch(path, "cpu")
    from pipeline.detection.runners.export import exported_detector
    from pipeline.detection.runners.openvino import OpenVINORunner
    from pipeline.runtime.graph_cache import cache_folder

    return OpenVINORunner(exported_detector(path, cache_folder()))


def _torch(path: Path, device: str) -> Runner:
    from pipeline.detection.runners.torch import TorchRunner
    from pipeline.detection.weights import load_weights

    return TorchRunner(load_weights(path)[0], device)
