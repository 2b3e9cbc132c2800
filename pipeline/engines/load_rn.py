"""Load the engine `rn` with the backend that suits the machine."""

from __future__ import annotations

from pathlib import Path

from pipeline.engines.backends import Network
from pipeline.engines.backends.export import exported_generator
from pipeline.engines.backends.lazy import LazyNetwork
from pipeline.engines.rn import RnEngine
from pipeline.rn.weights import load_generator, read_config
from pipeline.runtime.device import check_installed, choose_device, load_on_cpu
from pipeline.weights import Kind, read_weights

SHIPPED_REMEDY = "restore the shipped file, or name your own weights by their path"


def load_rn(path: Path, expected: str | None = None, *, device: str = "auto", backend: str = "auto") -> RnEngine:
    """Return the `rn` engine with the weights in a file, whose sha256 is given where it is known.

    The file is checked at once. The network is made of its tensors when it is first needed, and only then it shows
    whether those of a file of unknown sha256 are whole. See :func:`pipeline.engines.load_engine`.
    """
    device, backend = choose_device(device, backend)
    digest = read_weights(path, Kind.INPAINTER, expected=expected, remedy=SHIPPED_REMEDY if expected else None).sha256
    if device == "cpu":
        check_installed(backend)

    def by_cpu(name: str) -> Network:
        return load_on_cpu(name, lambda one: _load(path, one))

    network = LazyNetwork(lambda: _torch(path, "cuda") if device == "cuda" else by_cpu(backend))
    fallback = (lambda: by_cpu("auto")) if device == "cuda" else None
    return RnEngine(network, digest, fallback, invents=read_config(path).noise > 0)


def _load(path: Path, backend: str) -> Network:
    if backend == "torch":
        return _torch(path, "cpu")
    from pipeline.engines.backends.openvino import OpenVINONetwork
    from pipeline.settings import settings

    model, _ = exported_generator(path, settings().cache)
    return OpenVINONetwork(model, read_config(path).bends)


def _torch(path: Path, device: str) -> Network:
    from pipeline.engines.backends.torch import TorchNetwork

    generator, _ = load_generator(path)
    return TorchNetwork(generator, device)
