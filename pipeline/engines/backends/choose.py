"""The backend that suits the machine."""

from __future__ import annotations

from pathlib import Path

from pipeline.engines.rn import RnEngine


def load_rn(path: Path, *, device: str = "auto", backend: str = "auto") -> RnEngine:
    """Returns the `rn` engine with the weights in a file; see :func:`pipeline.engines.load_engine`."""
    from pipeline.engines.backends.torch import TorchNetwork
    from pipeline.rn.weights import load_generator

    generator, digest = load_generator(path)
    return RnEngine(TorchNetwork(generator), digest)
