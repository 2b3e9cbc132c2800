"""Graphs of both networks are exported once; cached ones run without torch."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import pipeline
from pipeline.detection.network import DetectorNet, NetworkConfig
from pipeline.detection.runners.export import exported_detector
from pipeline.detection.thresholds import Thresholds
from pipeline.detection.weights import save_weights
from pipeline.engines.backends.export import exported_generator
from pipeline.rn.config import GeneratorConfig
from pipeline.rn.generator import Generator
from pipeline.rn.weights import save_generator

INPAINTER = """
import sys, numpy as np
from pipeline.engines import load_engine
engine = load_engine("rn", weights=sys.argv[1], device="cpu", backend="openvino")
engine.fill(np.zeros((1, 64, 64, 3), np.float32), np.eye(64, dtype=bool)[None])
assert "torch" not in sys.modules
"""

DETECTOR = """
import sys, numpy as np
from pathlib import Path
from pipeline.detection.load import load_detector
detector = load_detector("learned", weights=Path(sys.argv[1]), device="cpu", backend="openvino")
assert detector.detect(np.zeros((70, 50, 3), np.uint8)).repair.shape == (70, 50)
assert "torch" not in sys.modules
"""


def inpainter(path: Path, cache: Path) -> object:
    save_generator(path, Generator(GeneratorConfig(8, (1,), (8, 8, 8), (0, 0), (1,))), {})
    return exported_generator(path, cache)[0]


def detector(path: Path, cache: Path) -> object:
    save_weights(path, DetectorNet(NetworkConfig(depth=2, width=8, widest=8)), Thresholds(), {})
    return exported_detector(path, cache)


@pytest.mark.parametrize(("export", "use"), [(inpainter, INPAINTER), (detector, DETECTOR)])
def test_what_is_cached_needs_no_torch(export: Callable[[Path, Path], object], use: str, tmp_path: Path) -> None:
    graph = export(tmp_path / "tiny.safetensors", tmp_path / "cache")
    assert graph == next((tmp_path / "cache" / "models").glob("*.onnx"))
    subprocess.run(
        [sys.executable, "-c", use, tmp_path / "tiny.safetensors"],
        check=True,
        cwd=Path(pipeline.__file__).parents[1],
        env=os.environ | {"RESTORATION_CACHE": str(tmp_path / "cache")},
    )
