"""The context of a batch, kept in its work area."""

from __future__ import annotations

import pytest

from pipeline.ledger import batches
from pipeline.stages.batch import BatchContext, InputVanished, load_batch


def test_an_output_that_became_a_file_has_no_work_area(project) -> None:
    project.output.write_text("in the way")
    with pytest.raises(InputVanished):
        load_batch(project.work_area("b1"))


def test_a_batch_is_the_same_for_all_its_tasks(batch: BatchContext) -> None:
    batch.save()
    assert load_batch(batch.uri) == load_batch(batch.chunk_uri(1, "t")) == batch


def test_a_removed_work_area_is_reported(project, batch: BatchContext) -> None:
    with project.ledger.write() as session:
        batches.finish(session, batch.batch_id, {})
    with pytest.raises(InputVanished, match="finished or given up"):
        load_batch(batch.uri)
