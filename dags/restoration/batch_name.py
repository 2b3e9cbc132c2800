"""The name of the batch that belongs to a DAG run."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime


def batch_name(dag_id: str, run_id: str, run_after: datetime) -> str:
    """Return the batch's name: the same for every attempt of a run, sorted by time, and usable as a folder name."""
    digest = hashlib.sha256(f"{dag_id} {run_id}".encode()).hexdigest()
    return f"{run_after.astimezone(UTC):%Y-%m-%dT%H%M%SZ}-{digest[:6]}"
