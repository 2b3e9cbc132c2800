"""Run the generator by OpenVINO, the fastest backend on a CPU."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np

from pipeline.engines.backends.prior import biharmonic_refine, push_pull
from pipeline.engines.interface import FloatImage
from pipeline.runtime.openvino import CompiledGraph, compiled_graph, cores

SHAPES = [(1, 3, -1, -1), (1, 1, -1, -1)]

MOST_MISSING = 0.8
"""Share of a window from which it is filled in f32 whatever the precision: where so little is known that much follows
from each pixel of it, fills in bf16 differ by up to 23 grey levels."""


class OpenVINONetwork:
    """Runs an exported generator, one window after the other; called in a thread for each core.

    A window is never computed together with others, so that its result cannot depend on them, to the last bit. The
    network is compiled once for windows of any size: compiled for one size it is up to a third faster, but each size
    then takes a second and 200 MB.

    Args:
        model: the ONNX file, or its bytes.
        bends: steps of the prior's biharmonic refinement, from the weights' configuration.
        precision: ``f32``, ``bf16``, or ``auto`` for bf16 where the CPU computes in it. Fills in bf16 are as good, take
            two fifths of the time, and differ by a tenth of a grey level on average and 4 at most.
    """

    batch_pixels = 1

    def __init__(self, model: Path | bytes, bends: int, precision: str = "auto") -> None:
        self._model, self._bends, self.calls = model, bends, cores()
        self._graph = compiled_graph(model, SHAPES, precision, self.calls)
        self.runtime = self._graph.runtime

    @cached_property
    def _exact(self) -> CompiledGraph:
        return self._graph if " bf16 " not in self.runtime else compiled_graph(self._model, SHAPES, "f32", self.calls)

    def run(self, images: FloatImage, holes: FloatImage) -> FloatImage:
        """Return the filled pictures; see :class:`pipeline.engines.backends.Network`."""
        result = np.empty_like(images)
        for image, hole, out in zip(images, holes, result, strict=True):
            missing = hole[0] > 0.5
            smooth = push_pull(np.ascontiguousarray(image.transpose(1, 2, 0)), missing)
            prior = np.ascontiguousarray(biharmonic_refine(smooth, missing, self._bends).transpose(2, 0, 1))
            graph = self._exact if hole.mean() >= MOST_MISSING else self._graph
            out[:] = prior
            out += graph.run(prior[None], hole[None])[0]
        return np.where(holes > 0.5, np.clip(result, 0, 1), images)
