"""Run the detector's network by OpenVINO, the fastest backend on a CPU."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipeline.detection.features import CHANNELS
from pipeline.detection.runners import Features, Sink
from pipeline.runtime.memory import malloc_trim
from pipeline.runtime.openvino import compiled_queue, cores

#: Windows processed at a time. Each holds some 215 MiB of intermediate results; more of them would not leave a scan of
#: 100 megapixels its 2 GB. Further cores share the work on one window, which costs a tenth more time than one each.
MOST_STREAMS = 2


class OpenVINORunner:
    """Run an exported detector, one window per request; each request has its own cores.

    Args:
        model: the ONNX file, or its bytes. Convolutions in 8 bits give the same result on every CPU; what remains
            takes no less time in bfloat16, and is computed in float32 everywhere.
    """

    def __init__(self, model: Path | bytes) -> None:
        self._queue, runtime = compiled_queue(model, [(1, CHANNELS, -1, -1)], "f32", min(cores(), MOST_STREAMS))
        self.runtime = runtime.replace(" f32 ", " int8 ")
        self._queue.set_callback(_deliver)

    def run(self, windows: Iterable[tuple[Features, Sink]]) -> None:
        """See `pipeline.detection.runners.Runner`."""
        try:
            for features, sink in windows:
                # The next window's features are computed while the network runs on those before it.
                self._queue.start_async([features[None]], sink)
        finally:
            self._queue.wait_all()

    def release(self) -> None:
        """See `pipeline.detection.runners.Runner`."""
        self._queue[0].get_compiled_model().release_memory()
        malloc_trim()


def _deliver(request: Any, sink: Sink) -> None:
    sink(request.get_output_tensor().data[0, 0])
