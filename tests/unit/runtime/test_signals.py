"""A process that has computed with OpenVINO still handles signals."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch

from pipeline.runtime.graph_cache import to_onnx

SCRIPT = """
import gc, signal, sys
from pathlib import Path
from pipeline.runtime.openvino import compiled_queue

def queue():
    return compiled_queue(Path(sys.argv[1]), [(1, 3, -1, -1)], "f32", 1)[0]

first, second = queue(), queue()
del first
gc.collect()
del second
gc.collect()
signal.signal(signal.SIGTERM, lambda *_: print("handled", flush=True))
signal.raise_signal(signal.SIGTERM)
"""


def test_a_signal_is_handled_after_two_networks_were_made_and_destroyed(tmp_path: Path) -> None:
    graph = tmp_path / "graph.onnx"
    graph.write_bytes(to_onnx(torch.nn.Conv2d(3, 1, 3), (torch.zeros(1, 3, 16, 24),), ["picture"], "said"))
    ended = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", SCRIPT, graph], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, "handled\n"), ended.stderr
