"""A small project: an inbox of damaged pictures, a ledger, and all stages."""

from __future__ import annotations

import pytest
from small_project import detecting, picture, post, project

from pipeline.ledger import batches
from pipeline.stages.batch import BatchContext

__all__ = ["detecting", "picture", "post", "project"]


@pytest.fixture
def batch(project) -> BatchContext:
    project.changes |= {"chunk_megapixels": 10, "chunk_scans": 3}
    values = dict.fromkeys(("inbox", "recipe_digest", "code_version", "host", "dag_id", "run_id", "engine"), "x")
    values |= {"output": str(project.output), "recipe": {}, "engine_digest": "x x"}
    with project.ledger.write() as session:
        row = batches.open_batch(session, project.collection.name, "x", values)
    return BatchContext.of(project.collection, row)
