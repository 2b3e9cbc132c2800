"""The context of a batch, kept in its work area."""

from __future__ import annotations

import pytest

from pipeline.stages.batch import BatchContext, InputVanished, load_batch


def test_a_batch_is_the_same_for_all_its_tasks(batch: BatchContext) -> None:
    batch.save()
    assert load_batch(batch.uri) == load_batch(batch.chunk_uri(1, "t")) == batch


def test_a_removed_work_area_is_reported(batch: BatchContext) -> None:
    with pytest.raises(InputVanished, match="finished or given up"):
        load_batch(batch.uri)
