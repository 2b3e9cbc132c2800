"""The name of the batch that belongs to a DAG run."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime


def batch_name(dag_id: str, run_id: str, run_after: datetime) -> str:
    """Return the name of a run's own batch: the same for every attempt, sorted by time, usable as a folder name."""
    digest = hashlib.sha256(f"{dag_id} {run_id}".encode()).hexdigest()
    return f"{run_after.astimezone(UTC):%Y-%m-%dT%H%M%SZ}-{digest[:6]}"


def current_batch(dag_id: str, run_id: str, run_after: datetime) -> str:
    """Return the name of the batch on which a run works: its own, or one of an ended run that it continues.

    Raises:
        StoreUnavailable: the ledger did not answer.
    """
    from pipeline.ledger import batches
    from pipeline.stages.batch import open_ledger

    with open_ledger().read() as session:
        row = batches.of_run(session, dag_id, run_id)
    return batch_name(dag_id, run_id, run_after) if row is None else row.name
