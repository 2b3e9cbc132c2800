"""What was compiled is kept, and nothing depends on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.runtime.graph_cache import to_onnx
from pipeline.runtime.openvino import compiled_graph

SHAPES = [(1, 3, -1, -1)]
PICTURE = np.random.default_rng(0).random((1, 3, 16, 24), np.float32)


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    path = tmp_path / "graph.onnx"
    path.write_bytes(to_onnx(torch.nn.Conv2d(3, 1, 3), (torch.zeros(1, 3, 16, 24),), ["picture"], "said"))
    return path


def test_what_was_compiled_is_read_and_computes_the_same(graph: Path) -> None:
    first = compiled_graph(graph, SHAPES, "f32", 1).run(PICTURE)
    (blob,) = graph.parent.glob("*.blob")
    # Only the blob is read: without it there would be no graph.
    graph.write_bytes(b"")
    second = compiled_graph(graph, SHAPES, "f32", 1)
    assert np.array_equal(second.run(PICTURE), first) and second.runtime.endswith("f32 on cpu")
    blob.unlink()
    with pytest.raises(RuntimeError):
        compiled_graph(graph, SHAPES, "f32", 1)


def test_other_options_are_compiled_by_themselves(graph: Path) -> None:
    for shapes, streams in ((SHAPES, 1), (SHAPES, 2), ([(1, 3, 16, 24)], 1)):
        compiled_graph(graph, shapes, "f32", streams)
    assert len(list(graph.parent.glob("*.blob"))) == 3


@pytest.mark.parametrize("content", [b"", b"no graph", None])
def test_a_damaged_file_is_compiled_again(content: bytes | None, graph: Path) -> None:
    first = compiled_graph(graph, SHAPES, "f32", 1).run(PICTURE)
    (blob,) = graph.parent.glob("*.blob")
    damaged = blob.read_bytes()[:-100] if content is None else content
    blob.write_bytes(damaged)
    assert np.array_equal(compiled_graph(graph, SHAPES, "f32", 1).run(PICTURE), first)
    assert len(blob.read_bytes()) > len(damaged)


def test_a_folder_that_cannot_be_written_costs_only_time(graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr("pipeline.runtime.compiled_cache.atomic_write", refuse)
    assert compiled_graph(graph, SHAPES, "f32", 1).run(PICTURE).shape == (1, 1, 14, 22)
    assert not list(graph.parent.glob("*.blob"))
