"""Export networks as ONNX, once per weights file, into the installation's cache."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from pipeline.atomic_write import atomic_write

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Return the cache folder of this installation's settings."""
    from pipeline.settings import settings

    return settings().cache


def cached_graph(digest: str, version: str, cache: Path, export: Callable[[], bytes]) -> Path | bytes:
    """Return a network's ONNX file.

    A cached graph was exported from weights that were found whole, so that a later process needs neither torch nor
    the weights' tensors. It is in float32 and serves every precision that a backend computes in.

    Args:
        digest: of the weights.
        version: of the graph made from them; raised when the export changes.
        cache: folder; when it cannot be written the graph is returned as bytes, and a warning logged.
        export: makes the graph; called when the cache does not hold it. What it raises comes through.
    """
    target = cache / "models" / f"{digest}.{version}.onnx"
    if target.exists():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_suffix(".lock")):
            if not target.exists():
                atomic_write(target, export(), synced=True)
        return target
    except OSError as error:
        log.warning("cache %s cannot be used (%s); the network is exported each time", cache, error)
        return export()


def to_onnx(module: torch.nn.Module, example: tuple[torch.Tensor, ...], inputs: list[str], output: str) -> bytes:
    """Return a module in eval mode as ONNX; number, height and width of all its tensors (N,C,H,W) are free.

    Args:
        module: takes the inputs in their order and returns one tensor.
        example: inputs to trace it with.
        inputs, output: their names in the graph.
    """
    import torch

    free = {0: "n", 2: "h", 3: "w"}
    target = io.BytesIO()
    with warnings.catch_warnings():
        # The older of torch's two exporters: a second instead of twenty-five, for a graph just as exact.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            example,
            target,  # type: ignore[arg-type]
            dynamo=False,
            opset_version=17,
            input_names=inputs,
            output_names=[output],
            dynamic_axes=dict.fromkeys((*inputs, output), free),
        )
    return target.getvalue()
