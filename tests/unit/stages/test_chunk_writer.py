"""Cutting a batch into chunks."""

from __future__ import annotations

from typing import Any

from pipeline.stages import manifest
from pipeline.stages.batch import BatchContext
from pipeline.stages.chunk_writer import ChunkWriter
from pipeline.stages.scan_row import ScanRow


def row(number: int, **given: Any) -> ScanRow:
    fixed: dict[str, Any] = {"scan_id": number, "path": f"{number}.png", "sha256": f"{number:064}"}
    return ScanRow(**fixed | given)


def test_chunks_are_limited_by_pixels_and_by_count(batch: BatchContext) -> None:
    chunks = ChunkWriter(batch, "t")
    for number, megapixels in enumerate([4, 5, 2, 20, 1, 1, 1, 1]):
        chunks.add(row(number), megapixels)
    chunks.close()
    sizes = [len(manifest.read(batch.chunk_uri(number, "t"))) for number in range(1, chunks.count + 1)]
    assert sizes == [2, 1, 1, 3, 1] and chunks.scans == 8


def test_the_same_bytes_go_into_the_same_chunk(batch: BatchContext) -> None:
    chunks = ChunkWriter(batch, "t")
    for number in range(4):
        chunks.add(row(number), 1)
    chunks.add(row(10, sha256=f"{0:064}"), 1)
    chunks.add(row(11, sha256=f"{3:064}"), 1)
    chunks.add(row(12, sha256=f"{3:064}", mask_given="painted"), 1)
    chunks.close()
    first, second = (manifest.read(batch.chunk_uri(number, "t")) for number in (1, 2))
    assert [(one.scan_id, one.same_as) for one in first[3:]] == [(10, "0.png")]
    assert [(one.scan_id, one.same_as) for one in second] == [(3, ""), (11, "3.png"), (12, "")]
