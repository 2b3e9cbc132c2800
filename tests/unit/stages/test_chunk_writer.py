"""Cutting a batch into chunks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pipeline.settings import settings
from pipeline.stages import manifest
from pipeline.stages.batch import BatchContext
from pipeline.stages.chunk_writer import FEW_CHUNKS, ChunkWriter
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


@pytest.fixture
def two_slots(monkeypatch):
    monkeypatch.setenv("RESTORATION_TASK_SLOTS", "2")
    settings.cache_clear()
    yield
    settings.cache_clear()


def writer_of_ten(batch: BatchContext) -> ChunkWriter:
    """Return a writer of chunks of ten scans and a hundred megapixels at most."""
    limits = batch.collection.model_copy(update={"chunk_scans": 10, "chunk_megapixels": 100})
    return ChunkWriter(replace(batch, collection=limits), "t")


@pytest.mark.usefixtures("two_slots")
@pytest.mark.parametrize(
    ("megapixels", "expected"),
    [
        ([10] * 12, [6, 6]),
        ([1] * 5, [5]),
        ([40, 10, 10, 10, 10], [5]),
        ([40, 10, 10, 10, 10, 10, 10, 10], [3, 5]),
        ([10] * 25, [10, 7, 8]),
    ],
)
def test_the_last_chunks_are_equally_large(batch: BatchContext, megapixels: list[int], expected: list[int]) -> None:
    chunks = writer_of_ten(batch)
    for number, size in enumerate(megapixels):
        chunks.add(row(number, width=size * 1000, height=1000), size)
    chunks.finish()
    parts = [manifest.read(batch.chunk_uri(number, "t")) for number in range(1, chunks.count + 1)]
    assert [len(part) for part in parts] == expected
    assert [one.scan_id for part in parts for one in part] == list(range(len(megapixels)))


@pytest.mark.usefixtures("two_slots")
def test_many_large_scans_make_few_chunks(batch: BatchContext) -> None:
    chunks = writer_of_ten(batch)
    for number in range(240):
        chunks.add(row(number, width=60_000, height=1000), 60)
    assert chunks.count == 239
    chunks.finish()
    parts = [manifest.read(batch.chunk_uri(number, "t")) for number in range(1, chunks.count + 1)]
    assert [len(part) for part in parts] == [5] * FEW_CHUNKS
    assert [one.scan_id for part in parts for one in part] == list(range(240))


def test_many_chunks_of_as_many_scans_as_allowed_stay(batch: BatchContext) -> None:
    limits = batch.collection.model_copy(update={"chunk_scans": 1, "chunk_megapixels": 100})
    chunks = ChunkWriter(replace(batch, collection=limits), "t")
    for number in range(FEW_CHUNKS + 2):
        chunks.add(row(number, width=1000, height=1000), 1)
    chunks.finish()
    assert chunks.count == FEW_CHUNKS + 2


@pytest.mark.usefixtures("two_slots")
def test_scans_of_the_same_bytes_stay_together_when_chunks_are_cut_again(batch: BatchContext) -> None:
    chunks = writer_of_ten(batch)
    for number in range(12):
        chunks.add(row(number, width=10000, height=1000), 10)
    chunks.add(row(12, sha256=f"{1:064}", width=10000, height=1000), 10)
    chunks.finish()
    first, second = (manifest.read(batch.chunk_uri(number, "t")) for number in (1, 2))
    assert [one.scan_id for one in first] == [0, 1, 2, 3, 4, 5, 12] and first[-1].same_as == "1.png"
    assert [one.scan_id for one in second] == [6, 7, 8, 9, 10, 11]


def test_many_cores_share_a_batch_of_several_minutes(batch: BatchContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESTORATION_TASK_SLOTS", "32")
    settings.cache_clear()
    try:
        sizes = []
        for count in (5, 9):
            chunks = writer_of_ten(batch)
            for number in range(count):
                chunks.add(row(number, width=10000, height=1000), 10)
            chunks.finish()
            sizes.append([len(manifest.read(batch.chunk_uri(number, "t"))) for number in range(1, chunks.count + 1)])
    finally:
        settings.cache_clear()
    assert sizes == [[5], [3, 3, 3]]


@pytest.mark.usefixtures("two_slots")
def test_scans_that_share_a_result_make_no_further_chunks(batch: BatchContext) -> None:
    chunks = writer_of_ten(batch)
    for number in range(50):
        chunks.add(row(number, sha256=f"{number % 2:064}", width=10000, height=1000), 10)
    chunks.finish()
    assert [len(manifest.read(batch.chunk_uri(number, "t"))) for number in range(1, chunks.count + 1)] == [50]
