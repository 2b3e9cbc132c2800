"""The context of a batch, kept in its work area."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pipeline.stages.batch import BatchContext, InputVanished, load_batch


@pytest.fixture
def batch(project) -> BatchContext:
    project.changes |= {"chunk_megapixels": 10, "chunk_scans": 3}
    fixed = dict.fromkeys(("name", "inbox", "recipe_digest", "engine_digest", "detector_digest"), "x")
    fixed |= dict.fromkeys(("code_version", "host", "dag_id", "run_id"), "x")
    return BatchContext(project.work_area("x"), project.collection, batch_id=1, started=datetime.now(UTC), **fixed)


def test_a_batch_is_the_same_for_all_its_tasks(batch: BatchContext) -> None:
    batch.save()
    assert load_batch(batch.uri) == load_batch(batch.chunk_uri(1, "t")) == batch


def test_a_removed_work_area_is_reported(batch: BatchContext) -> None:
    with pytest.raises(InputVanished, match="finished or given up"):
        load_batch(batch.uri)
