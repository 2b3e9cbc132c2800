"""The generator run by onnxruntime on the CPU, in float32; used where it is installed and OpenVINO is not."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from pipeline.engines.backends.prior import push_pull
from pipeline.engines.interface import FloatImage


class OnnxRuntimeNetwork:
    """Runs an exported generator, one window after another.

    Args:
        model: the ONNX file, or its bytes.
    """

    def __init__(self, model: Path | bytes) -> None:
        import onnxruntime as ort  # type: ignore[import-not-found,unused-ignore]

        options = ort.SessionOptions()
        options.intra_op_num_threads = len(os.sched_getaffinity(0))
        source = model if isinstance(model, bytes) else str(model)
        self._session = ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        self.runtime = f"onnxruntime {ort.__version__} float32 on cpu"
        self.batch_pixels = 1 << 18

    def run(self, images: FloatImage, holes: FloatImage) -> FloatImage:
        """The filled pictures; see :class:`pipeline.engines.backends.Network`."""
        result = np.empty_like(images)
        for image, hole, out in zip(images, holes, result, strict=True):
            prior = push_pull(np.ascontiguousarray(image.transpose(1, 2, 0)), hole[0] > 0.5)
            planes = np.ascontiguousarray(prior.transpose(2, 0, 1))[None]
            out[:] = self._session.run(None, {"prior": planes, "hole": hole[None]})[0][0]
        return np.where(holes > 0.5, np.clip(result, 0, 1), images)
