"""Load engines by name."""

from __future__ import annotations

from pipeline.engines.interface import Engine
from pipeline.errors import ConfigurationError
from pipeline.weights import shipped_digest, weights_path

ENGINES = ("rn", "telea", "navier-stokes", "biharmonic", "prior", "dcgan-digits")


def load_engine(name: str, *, weights: str = "rn-faithful", device: str = "auto", backend: str = "auto") -> Engine:
    """Return an engine, ready to fill.

    Args:
        name: one of :data:`ENGINES`.
        weights: name of shipped weights or path of a safetensors file; only for ``rn`` and ``dcgan-digits``, which
            uses its own weights when it is given the default ones of ``rn``.
        device: ``auto``, ``cpu`` or ``cuda``; only for ``rn``. ``auto`` is the installation's setting.
        backend: ``auto``, ``torch`` or ``openvino``; only for ``rn``. ``auto`` as above.

    Raises:
        ConfigurationError: there is no such engine, device or backend here.
        WeightsError: the weights are missing, damaged or of another kind.
    """
    name = str(name)
    if name in ("telea", "navier-stokes"):
        from pipeline.engines.opencv import OpenCVEngine

        return OpenCVEngine("telea" if name == "telea" else "navier-stokes")
    if name == "biharmonic":
        from pipeline.engines.biharmonic import BiharmonicEngine

        return BiharmonicEngine()
    if name == "prior":
        from pipeline.engines.prior import PriorEngine

        return PriorEngine()
    if name == "rn":
        from pipeline.engines.load_rn import load_rn

        return load_rn(weights_path(weights), shipped_digest(weights), device=device, backend=backend)
    if name == "dcgan-digits":
        from pipeline.engines.dcgan_digits import DEFAULT, load_dcgan_digits

        # A recipe without weights carries the default ones of ``rn``.
        return load_dcgan_digits(weights_path(DEFAULT if weights == "rn-faithful" else weights))
    raise ConfigurationError(f"unknown engine {name!r}; known are {', '.join(ENGINES)}")
