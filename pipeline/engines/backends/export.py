"""The generator as ONNX, exported once per weights file and kept in the installation's cache."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import WeightsError

log = logging.getLogger(__name__)

VERSION = "onnx-1"
"""Raised when the exported graph changes."""


def digest_of(path: Path) -> str:
    """Returns the sha256 of a weights file.

    Raises:
        WeightsError: it cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise WeightsError(f"cannot read the weights {path}: {error.strerror or error}") from error


def exported(path: Path, cache: Path) -> tuple[Path | bytes, str]:
    """Returns the network of a weights file as ONNX, and the file's sha256.

    The graph takes ``prior`` (N,3,H,W), the picture with its hole filled smoothly, and ``hole`` (N,1,H,W) 0/1, and
    returns ``filled`` (N,3,H,W), of use in the hole only and not clamped; N, H and W are free (H, W multiples of 16).
    What stands in the cache was exported from weights that were found whole, so that a later process needs neither
    torch nor the weights' tensors.

    Args:
        path: of the weights.
        cache: folder; when it cannot be written the graph is returned as bytes, and a warning logged.

    Raises:
        WeightsError: the weights are missing, damaged or foreign.
    """
    digest = digest_of(path)
    target = cache / "models" / f"{digest}.{VERSION}.onnx"
    if target.exists():
        return target, digest
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _alone(target.with_suffix(".lock")):
            if not target.exists():
                publish(target, _graph(path, digest))
        return target, digest
    except OSError as error:
        log.warning("cache %s cannot be used (%s); the network is exported anew each time", cache, error)
        return _graph(path, digest), digest


def publish(target: Path, data: bytes) -> None:
    """Writes a file whole: under a temporary name, then renamed."""
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Holds a lock while others that want the same file wait; it ends with the process, whatever happens."""
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _graph(path: Path, digest: str) -> bytes:
    """Returns the ONNX file of a weights file."""
    import torch

    from pipeline.rn.generator import Generator
    from pipeline.rn.weights import load_generator

    class AfterPrior(torch.nn.Module):
        """What :class:`Generator` does once the prior is there; a test holds the two together."""

        def __init__(self, generator: Generator) -> None:
            super().__init__()
            self.coarse, self.refine = generator.coarse, generator.refine

        def forward(self, prior: torch.Tensor, hole: torch.Tensor) -> torch.Tensor:
            correction, features = self.coarse(prior, hole)
            coarse = prior + correction * hole
            residual = self.refine(coarse, hole, features)
            filled: torch.Tensor = coarse + residual * hole
            return filled

    generator, _ = load_generator(path, digest)
    example = (torch.zeros(1, 3, 128, 96), torch.ones(1, 1, 128, 96))
    free = {0: "n", 2: "h", 3: "w"}
    target = io.BytesIO()
    with warnings.catch_warnings():
        # The older of torch's two exporters: a second instead of twenty-five, for a graph just as exact.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            AfterPrior(generator).eval(),
            example,
            target,  # type: ignore[arg-type]
            dynamo=False,
            opset_version=17,
            input_names=["prior", "hole"],
            output_names=["filled"],
            dynamic_axes={"prior": free, "hole": free, "filled": free},
        )
    return target.getvalue()
