"""Append events to the ledger and read them; they are never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.event import listen
from sqlalchemy.orm import Session

from pipeline.ledger import chain
from pipeline.ledger.context import TaskContext, host
from pipeline.ledger.rows import json_values, now
from pipeline.ledger.tables import Event

# Of a session: the events that wait for its commit, by batch and collection.
PENDING = "ledger_pending_events"


@dataclass(frozen=True)
class EventRecord:
    """One event to write.

    Attributes:
        scan_id: None for an event of the whole batch.
        stage: receive, mask, inpaint, measure, publish, report, digest, reconcile, audit, review, fixity, upload, move,
            rename or prune.
        kind: a PREMIS event type, see `pipeline.provenance.events`.
        decision: the result in a word or two.
    """

    scan_id: int | None
    stage: str
    kind: str = ""
    decision: str = ""
    message: str = ""
    figures: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    at: datetime = field(default_factory=now)


def append(
    session: Session,
    batch_id: int | None,
    context: TaskContext,
    records: Sequence[EventRecord],
    *,
    collection: str = "",
) -> None:
    """Append events of a batch; without one, of a scan, of a collection, or of the ledger as a whole.

    They are written when the transaction is committed: the collection's chain is then locked last and shortest, and
    writers that lock other rows in another order cannot wait for each other.
    """
    machine = host()
    rows = [
        {
            "scan_id": one.scan_id,
            "batch_id": batch_id,
            "stage": one.stage,
            "kind": one.kind,
            "decision": one.decision,
            "message": one.message,
            "figures": json_values(one.figures),
            "seconds": one.seconds,
            "dag_id": context.dag_id,
            "run_id": context.run_id,
            "task_id": context.task_id,
            "map_index": context.map_index,
            "try_number": context.try_number,
            "host": machine,
            "at": one.at,
        }
        for one in records
    ]
    if PENDING not in session.info:
        session.info[PENDING] = {}
        listen(session, "before_commit", write_pending)
        listen(session, "after_rollback", lambda session: session.info[PENDING].clear())
    session.info[PENDING].setdefault((batch_id, collection), []).extend(rows)


def write_pending(session: Session) -> None:
    """Write the events of a session that wait for its commit, so that its own queries find them."""
    pending: dict[tuple[int | None, str], list[dict[str, Any]]] = session.info.get(PENDING) or {}
    rows = pending.pop((None, ""), [])
    # Without a batch, the scan says whose chain it is.
    of_scan = chain.collections_of(session, sorted({row["scan_id"] for row in rows if row["scan_id"] is not None}))
    for row in rows:
        pending.setdefault((None, of_scan.get(row["scan_id"], "")), []).append(row)
    # In one order for every process, so that two of them never wait for each other's chains.
    for batch_id, collection in sorted(pending, key=lambda key: (key[0] or 0, key[1])):
        chain.append(session, batch_id, collection, pending.pop((batch_id, collection)))


def of_batch(session: Session, batch_id: int, stage: str) -> list[Event]:
    """Return the events of one stage that concern the whole batch, oldest first."""
    write_pending(session)
    return list(
        session.scalars(
            select(Event)
            .where(Event.batch_id == batch_id, Event.stage == stage, Event.scan_id.is_(None))
            .order_by(Event.id)
        )
    )


def work_seconds(session: Session, batch_id: int) -> dict[str, float]:
    """Return the seconds of work of each stage of a batch, summed over all its tasks."""
    write_pending(session)
    spent = dict(
        session.execute(
            select(Event.stage, func.sum(Event.seconds)).where(Event.batch_id == batch_id).group_by(Event.stage)
        )
        .tuples()
        .all()
    )
    # Receiving has one event for the whole and one for each scan, which would count twice.
    whole = session.scalar(
        select(func.max(Event.seconds)).where(
            Event.batch_id == batch_id, Event.stage == "receive", Event.scan_id.is_(None)
        )
    )
    return {stage: float(seconds) for stage, seconds in spent.items()} | (
        {} if whole is None else {"receive": float(whole)}
    )
