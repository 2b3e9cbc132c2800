"""Run the generator by OpenVINO, the fastest backend on a CPU."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from pipeline.engines.backends.prior import biharmonic_refine, push_pull
from pipeline.engines.interface import FloatImage
from pipeline.runtime.openvino import compiled_queue, cores

SHAPES = [(1, 3, -1, -1), (1, 1, -1, -1)]

MOST_MISSING = 0.8
"""Share of a window from which it is filled in f32 whatever the precision: where so little is known that much follows
from each pixel of it, fills in bf16 differ by up to 23 grey levels."""


class OpenVINONetwork:
    """Runs an exported generator, one window per request and one request per core.

    A window is never computed together with others, so that its result cannot depend on them, to the last bit. The
    network is compiled once for windows of any size: compiled for one size it is up to a third faster, but each size
    then takes a second and 200 MB.

    Args:
        model: the ONNX file, or its bytes.
        bends: steps of the prior's biharmonic refinement, from the weights' configuration.
        precision: ``f32``, ``bf16``, or ``auto`` for bf16 where the CPU computes in it. Fills in bf16 are as good, take
            two fifths of the time, and differ by a tenth of a grey level on average and 4 at most.
    """

    def __init__(self, model: Path | bytes, bends: int, precision: str = "auto") -> None:
        self._model, self._bends, self._streams = model, bends, cores()
        self._queue, self.runtime = compiled_queue(model, SHAPES, precision, self._streams)
        self.batch_pixels = self._streams << 20
        # A queue has one callback, and two who start requests could be given the same one.
        self._running = Lock()

    @cached_property
    def _exact(self) -> Any:
        if " bf16 " not in self.runtime:
            return self._queue
        return compiled_queue(self._model, SHAPES, "f32", self._streams)[0]

    def run(self, images: FloatImage, holes: FloatImage) -> FloatImage:
        """Return the filled pictures; see :class:`pipeline.engines.backends.Network`."""
        with self._running:
            return self._run(images, holes)

    def _run(self, images: FloatImage, holes: FloatImage) -> FloatImage:
        result = np.empty_like(images)

        def done(request: Any, number: int) -> None:
            result[number] += request.get_output_tensor().data[0]

        queues = [self._exact if hole.mean() >= MOST_MISSING else self._queue for hole in holes]
        for queue in set(queues):
            queue.set_callback(done)
        for number, (queue, image, hole) in enumerate(zip(queues, images, holes, strict=True)):
            # The prior of one window is made here while the network runs on those before it.
            missing = hole[0] > 0.5
            smooth = push_pull(np.ascontiguousarray(image.transpose(1, 2, 0)), missing)
            prior = biharmonic_refine(smooth, missing, self._bends)
            result[number] = prior.transpose(2, 0, 1)
            queue.start_async([result[number][None], hole[None]], number)
        for queue in set(queues):
            queue.wait_all()
        return np.where(holes > 0.5, np.clip(result, 0, 1), images)
