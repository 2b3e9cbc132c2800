"""The table of a batch: scans that were not finished are in it too."""

from __future__ import annotations

from pipeline.stages.batch import load_batch
from pipeline.stages.batch_frame import load_frame
from pipeline.stages.mask import mask


def test_a_batch_that_did_not_finish_has_a_row_for_every_scan(project) -> None:
    project.changes["chunk_scans"] = 1
    for number in range(3):
        project.put(f"{number}.png", number)
    chunks = project.receive("b1")
    project.restore(chunks[:1])
    mask(chunks[1])
    table = load_frame(load_batch(project.work_area("b1")), chunks)
    assert list(table["outcome"]) == ["restored", "failed", "failed"]
    assert list(table["reason"]) == ["", "unfinished", "unfinished"]
