"""Graphs compiled by OpenVINO for the CPU."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def cores() -> int:
    """Returns the CPU cores that this process may use."""
    return len(os.sched_getaffinity(0))


def compiled_queue(
    model: Path | bytes, shapes: Sequence[Sequence[int]], precision: str, streams: int
) -> tuple[Any, str]:
    """Returns a queue that takes requests and works on as many at a time as there are streams, and its runtime's name.

    Args:
        model: an ONNX file, or its bytes.
        shapes: of the graph's inputs in their order, -1 where a size is free.
        precision: ``f32``, ``bf16``, or ``auto`` for bf16 where the CPU computes in it.
        streams: requests worked on at a time; the cores are shared among them.
    """
    import openvino as ov

    core = ov.Core()
    if precision == "auto":
        precision = "bf16" if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"
    network = core.read_model(model)
    network.reshape({given: list(shape) for given, shape in zip(network.inputs, shapes, strict=True)})
    compiled = core.compile_model(
        network,
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": precision,
            "PERFORMANCE_HINT": "THROUGHPUT",
            "NUM_STREAMS": str(streams),
            "INFERENCE_NUM_THREADS": str(cores()),
        },
    )
    return ov.AsyncInferQueue(compiled, streams), f"openvino {ov.__version__.split('-')[0]} {precision} on cpu"
