"""Batches: opening, committing what was received, finishing; and what dead runs left behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from pipeline.ledger.claims import release
from pipeline.ledger.processes import has_ended
from pipeline.ledger.rows import insert, now
from pipeline.ledger.tables import Batch, Claim, Event, OutcomeRow


class BatchState(StrEnum):
    """Where a batch stands."""

    RECEIVING = "receiving"
    RUNNING = "running"
    DONE = "done"
    ABANDONED = "abandoned"


UNFINISHED = (BatchState.RECEIVING, BatchState.RUNNING)


def open_batch(session: Session, collection: str, name: str, values: Mapping[str, Any]) -> Batch:
    """Return a batch, new or as an earlier try opened it; its recipe and digests are those of the first try."""
    row = {"collection": collection, "name": name, "state": str(BatchState.RECEIVING), "started": now(), **values}
    row = {"counts": {}, **row}
    session.execute(insert(session, Batch).values(**row).on_conflict_do_nothing())
    return get(session, collection, name)


def get(session: Session, collection: str, name: str) -> Batch:
    """Return a batch by its name.

    Raises:
        LookupError: there is none.
    """
    found = session.scalars(select(Batch).where(Batch.collection == collection, Batch.name == name)).first()
    if found is None:
        raise LookupError(f"the ledger knows no batch {name!r} of collection {collection!r}")
    return found


def lock(session: Session, batch_id: int) -> None:
    """Make others that lock the batch wait until this session's changes are committed."""
    session.execute(select(Batch.id).where(Batch.id == batch_id).with_for_update())


def by_output(session: Session, output: str, name: str) -> Batch | None:
    """Return a batch by the place of its results and its name, or None."""
    return session.scalars(select(Batch).where(Batch.output == output, Batch.name == name)).first()


def commit_received(session: Session, batch_id: int, values: Mapping[str, Any]) -> bool:
    """Return whether this try of `receive` is the first to have finished; only then do its chunks count."""
    result = session.execute(
        update(Batch)
        .where(Batch.id == batch_id, Batch.state == BatchState.RECEIVING)
        .values(state=str(BatchState.RUNNING), **values)
        .returning(Batch.id)
    )
    return result.first() is not None


def finish(session: Session, batch_id: int, counts: Mapping[str, int]) -> None:
    """Mark a batch as done and gives up its claims."""
    session.execute(
        update(Batch)
        .where(Batch.id == batch_id)
        .values(state=str(BatchState.DONE), counts=dict(counts), finished=now())
    )
    release(session, batch_id)


def abandon(session: Session, batch_id: int) -> None:
    """Mark a batch that nobody will finish, so that others take its scans."""
    session.execute(update(Batch).where(Batch.id == batch_id).values(state=str(BatchState.ABANDONED), finished=now()))
    release(session, batch_id)


def unfinished(session: Session, collection: str) -> Sequence[Batch]:
    """Return the batches of a collection that are neither done nor abandoned, oldest first."""
    return session.scalars(
        select(Batch).where(Batch.collection == collection, Batch.state.in_(UNFINISHED)).order_by(Batch.id)
    ).all()


def is_sole_writer(session: Session, batch: Batch) -> bool:
    """Return whether no other unfinished batch writes to the same output."""
    others = select(Batch.id).where(Batch.output == batch.output, Batch.id != batch.id, Batch.state.in_(UNFINISHED))
    return session.scalars(others.limit(1)).first() is None


def stale(session: Session, collection: str, silent: timedelta) -> Sequence[Batch]:
    """Return unfinished batches of which nothing was heard for a while: their run is never taken up again."""
    limit = now() - silent
    heard = select(Event.id).where(Event.batch_id == Batch.id, Event.at > limit)
    held = select(Claim.scan_id).where(Claim.batch_id == Batch.id, Claim.expires > now())
    return session.scalars(
        select(Batch).where(
            Batch.collection == collection,
            Batch.state.in_(UNFINISHED),
            Batch.started < limit,
            ~heard.exists(),
            ~held.exists(),
        )
    ).all()


def recently_finished(session: Session, collection: str, count: int) -> Sequence[Batch]:
    """Return the batches that were finished or given up last."""
    return session.scalars(
        select(Batch)
        .where(Batch.collection == collection, Batch.state.not_in(UNFINISHED))
        .order_by(Batch.id.desc())
        .limit(count)
    ).all()


def orphaned(session: Session, collection: str) -> list[Batch]:
    """Return unfinished batches whose only process has surely ended, oldest first."""
    return [batch for batch in unfinished(session, collection) if batch.owner and has_ended(batch.owner)]


def adopt(session: Session, batch_id: int, old_owner: str, new_owner: str) -> bool:
    """Return whether a new process now holds an orphaned batch; of two that try, one does."""
    result = session.execute(
        update(Batch).where(Batch.id == batch_id, Batch.owner == old_owner).values(owner=new_owner).returning(Batch.id)
    )
    return result.first() is not None


def count_outcomes(session: Session, batch_id: int) -> int:
    """Return how many scans a batch has brought to an outcome so far."""
    return session.scalar(select(func.count()).select_from(OutcomeRow).where(OutcomeRow.batch_id == batch_id)) or 0
