"""Compile graphs by OpenVINO for the CPU."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from pipeline.runtime.compiled_cache import cached_compilation
from pipeline.runtime.memory import holds_memory
from pipeline.runtime.precision import float32_only

if TYPE_CHECKING:
    import openvino as ov

#: Operations that sum over a map, and those that make a sum's terms.
SUMS = ("ReduceSum", "ReduceMean")
TERMS = ("Multiply", "Subtract")


def cores() -> int:
    """Return the CPU cores that this process may use."""
    return len(os.sched_getaffinity(0))


class CompiledGraph:
    """A compiled graph; as many threads as it has streams may run it at the same time, others wait."""

    def __init__(self, compiled: ov.CompiledModel, streams: int, runtime: str) -> None:
        self.runtime = runtime
        self._idle: SimpleQueue[ov.InferRequest] = SimpleQueue()
        for _ in range(streams):
            self._idle.put(compiled.create_infer_request())

    def run(self, *inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the graph's output for its inputs, in their order."""
        request = self._idle.get()
        try:
            request.infer(inputs, share_inputs=True, share_outputs=True)
            # The next request overwrites it.
            output: NDArray[np.float32] = request.get_output_tensor().data.copy()
            return output
        finally:
            self._idle.put(request)


def compiled_graph(model: Path | bytes, shapes: Sequence[Sequence[int]], precision: str, streams: int) -> CompiledGraph:
    """Return a graph for threads that each run it for themselves; see `compiled_queue` for the arguments."""
    compiled, runtime = _compile(model, shapes, precision, streams)
    graph = CompiledGraph(compiled, streams, runtime)
    holds_memory(graph, compiled.release_memory)
    return graph


def compiled_queue(
    model: Path | bytes, shapes: Sequence[Sequence[int]], precision: str, streams: int
) -> tuple[Any, str]:
    """Return a queue that takes requests and works on as many at a time as there are streams, and its runtime's name.

    Args:
        model: an ONNX file, or its bytes.
        shapes: of the graph's inputs in their order, -1 where a size is free.
        precision: ``f32``, ``bf16``, or ``auto`` for bf16 where the CPU computes in it and the settings do not ask for
            float32. Sums over a map, and what is made of them, stay in f32.
        streams: requests worked on at a time; the cores are shared among them.
    """
    import openvino as ov

    compiled, runtime = _compile(model, shapes, precision, streams)
    queue = ov.AsyncInferQueue(compiled, streams)
    holds_memory(queue, compiled.release_memory)
    return queue, runtime


def _compile(
    model: Path | bytes, shapes: Sequence[Sequence[int]], precision: str, streams: int
) -> tuple[ov.CompiledModel, str]:
    """Return a compiled graph and its runtime's name."""
    import openvino as ov

    core = _core()
    if precision == "auto":
        supported = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        precision = "bf16" if supported and not float32_only() else "f32"
    properties = {
        "INFERENCE_PRECISION_HINT": precision,
        "PERFORMANCE_HINT": "THROUGHPUT",
        "NUM_STREAMS": str(streams),
        "INFERENCE_NUM_THREADS": str(cores()),
    }

    def compiled() -> ov.CompiledModel:
        network = core.read_model(model)
        if precision == "bf16":
            network = _with_exact_sums(core, network)
        network.reshape({given: list(shape) for given, shape in zip(network.inputs, shapes, strict=True)})
        return core.compile_model(network, "CPU", properties)

    found = cached_compilation(core, model, properties, str(shapes), compiled)
    return found, f"openvino {ov.__version__.split('-')[0]} {precision} on cpu"


@cache
def _core() -> ov.Core:
    """Return the process's only core, which lives as long as the process.

    Every ``ov.Core`` installs an alternate signal stack and restores the previous one when destroyed. Two destroyed in
    the order of their creation leave a dangling one, and the next signal kills the process. Hence one core per process.
    """
    import openvino as ov

    return ov.Core()


def _with_exact_sums(core: ov.Core, network: ov.Model) -> ov.Model:
    """Return the network with sums over a map, their terms and what is computed from them marked to stay in f32.

    In bf16 the variance of a region, a difference of two sums, would often be lost altogether. The mark is an
    attribute of OpenVINO's own file format, so the network goes through a file.
    """
    import openvino as ov

    names = {operation.get_friendly_name() for operation in network.get_ops() if _of_sums(operation)}
    if not names:
        return network
    with TemporaryDirectory() as folder:
        graph = Path(folder) / "network.xml"
        ov.serialize(network, graph)
        tree = ElementTree.parse(graph)
        for layer in tree.iterfind("layers/layer"):
            if layer.get("name") in names:
                marks = ElementTree.Element("rt_info")
                ElementTree.SubElement(marks, "attribute", name="precise", version="0")
                layer.insert([part.tag for part in layer].index("input"), marks)
        tree.write(graph)
        return core.read_model(graph)


def _of_sums(operation: ov.Node) -> bool:
    """Return whether an operation sums over a map, makes such a sum's terms, or works on sums (one value a channel)."""
    kind = operation.get_type_name()
    if kind in SUMS:
        return True
    shape = operation.output(0).get_partial_shape()
    if kind == "Constant" or shape.rank.is_dynamic or len(shape) != 4:
        return False
    if all(side.is_static and side.get_length() == 1 for side in list(shape)[2:]):
        return bool(operation.get_output_element_type(0).is_real())
    followers = [target.get_node() for target in operation.output(0).get_target_inputs()]
    return kind in TERMS and all(follower.get_type_name() in (*SUMS, *TERMS) for follower in followers) and any(
        follower.get_type_name() in SUMS for follower in followers
    )  # fmt: skip
