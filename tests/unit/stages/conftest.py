"""A small project: an inbox of damaged pictures, a ledger, and all stages."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from small_project import detecting, picture, post, project

from pipeline.stages.batch import BatchContext

__all__ = ["detecting", "picture", "post", "project"]


@pytest.fixture
def batch(project) -> BatchContext:
    project.changes |= {"chunk_megapixels": 10, "chunk_scans": 3}
    fixed = dict.fromkeys(("name", "inbox", "recipe_digest", "engine_digest", "detector_digest"), "x")
    fixed |= dict.fromkeys(("code_version", "host", "dag_id", "run_id"), "x")
    return BatchContext(project.work_area("x"), project.collection, batch_id=1, started=datetime.now(UTC), **fixed)
