"""The generator run by OpenVINO on the CPU: the fastest there, and exact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pipeline.engines.backends.prior import push_pull
from pipeline.engines.interface import FloatImage
from pipeline.machine.openvino import compiled_queue, cores


class OpenVINONetwork:
    """Runs an exported generator, one window per request and one request per core.

    A window is never computed together with others, so that its result cannot depend on them, to the last bit. The
    network is compiled once for windows of any size: compiled for one size it is up to a third faster, but each size
    then takes a second and 200 MB.

    Args:
        model: the ONNX file, or its bytes.
        precision: ``f32`` or ``bf16``. Where the CPU has matrix units bf16 takes half the time, but RN-L's region is a
            threshold: rounding moves pixels across it, and fills then differ by up to 15 grey levels from one
            machine to the next. It is here to be measured.
    """

    def __init__(self, model: Path | bytes, precision: str = "f32") -> None:
        streams = cores()
        self._queue, self.runtime = compiled_queue(model, [(1, 3, -1, -1), (1, 1, -1, -1)], precision, streams)
        self.batch_pixels = streams << 18

    def run(self, images: FloatImage, holes: FloatImage) -> FloatImage:
        """The filled pictures; see :class:`pipeline.engines.backends.Network`."""
        result = np.empty_like(images)

        def done(request: Any, number: int) -> None:
            result[number] = request.get_output_tensor().data[0]

        self._queue.set_callback(done)
        for number, (image, hole) in enumerate(zip(images, holes, strict=True)):
            # The prior of one window is made here while the network runs on those before it.
            prior = push_pull(np.ascontiguousarray(image.transpose(1, 2, 0)), hole[0] > 0.5)
            self._queue.start_async([np.ascontiguousarray(prior.transpose(2, 0, 1))[None], hole[None]], number)
        self._queue.wait_all()
        return np.where(holes > 0.5, np.clip(result, 0, 1), images)
