"""The runner that suits the machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipeline.detection.runners import Runner
from pipeline.runtime.device import on_cpu, place


def load_runner(path: Path, *, device: str = "auto", backend: str = "auto") -> tuple[Runner, Callable[[], Runner]]:
    """Return what runs a detector's weights, and what makes a runner on the CPU, for when a device's memory runs out.

    Args:
        path: of the weights.
        device: ``auto``, ``cpu`` or ``cuda``; ``auto`` as this installation's settings say.
        backend: ``auto``, ``openvino`` or ``torch``; likewise.

    Raises:
        ConfigurationError: there is no such device or backend.
        WeightsError: the weights are missing, damaged or foreign.
    """
    device, backend = place(device, backend)

    def again() -> Runner:
        return on_cpu("auto", lambda name: _load(path, name))

    if device == "cuda":
        return _torch(path, "cuda"), again
    return on_cpu(backend, lambda name: _load(path, name)), again


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
