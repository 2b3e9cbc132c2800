"""Open, commit and finish batches, and find those whose run has died."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.orm import Session

from pipeline.errors import ConfigurationError
from pipeline.ledger import events
from pipeline.ledger.claims import release
from pipeline.ledger.context import TaskContext
from pipeline.ledger.processes import has_ended
from pipeline.ledger.rows import insert, now
from pipeline.ledger.tables import Batch, Claim, Event, Notice, OutcomeRow


class UnknownBatch(ConfigurationError, LookupError):
    """The ledger has no such batch; a retry cannot succeed."""


class BatchState(StrEnum):
    """The state of a batch."""

    RECEIVING = "receiving"
    """`receive` has not finished; the chunks are not known yet."""
    RUNNING = "running"
    """The chunks are known, and scans are being processed."""
    DONE = "done"
    """Every scan has an outcome, and the counts are reconciled."""
    ABANDONED = "abandoned"
    """Nobody continues it; its scans are free for other batches."""


UNFINISHED = (BatchState.RECEIVING, BatchState.RUNNING)


def open_batch(session: Session, collection: str, name: str, values: Mapping[str, Any]) -> Batch:
    """Return a batch, new or as an earlier attempt opened it; recipe and digests are those of the first attempt.

    One that was abandoned is begun again.
    """
    row = {"collection": collection, "name": name, "state": str(BatchState.RECEIVING), "started": now(), **values}
    row = {"counts": {}, "settings": {}, **row}
    session.execute(insert(session, Batch).values(**row).on_conflict_do_nothing())
    mine = (Batch.collection == collection, Batch.name == name, Batch.state == BatchState.ABANDONED)
    session.execute(update(Batch).where(*mine).values(**{"finished": None, **row}))
    return get(session, collection, name)


def record_done(session: Session, collection: str, name: str, values: Mapping[str, Any]) -> Batch:
    """Return a batch that was done before this ledger began; one that the ledger knows stays as it is."""
    row = {"collection": collection, "name": name, "state": str(BatchState.DONE), "counts": {}, **values}
    session.execute(insert(session, Batch).values(**row).on_conflict_do_nothing())
    return get(session, collection, name)


def get(session: Session, collection: str, name: str) -> Batch:
    """Return a batch by its name.

    Raises:
        UnknownBatch: there is none.
    """
    found = find(session, collection, name)
    if found is None:
        raise UnknownBatch(
            f"the ledger has no batch {name!r} of collection {collection!r}: was the ledger emptied, or an older ledger"
            " put back? Then start the collection again: what lies in its output is recognised, the rest is done"
        )
    return found


def find(session: Session, collection: str, name: str) -> Batch | None:
    """Return a batch by its name, or None."""
    return session.scalars(select(Batch).where(Batch.collection == collection, Batch.name == name)).first()


def of_run(session: Session, dag_id: str, run_id: str) -> Batch | None:
    """Return the batch on which a scheduler's run works, or None before it has one.

    That is its own, or one that it continues because the run that began it has ended.
    """
    return session.scalars(
        select(Batch).where(Batch.dag_id == dag_id, Batch.run_id == run_id).order_by(Batch.id.desc()).limit(1)
    ).first()


def lock(session: Session, batch_id: int) -> None:
    """Lock a batch: other sessions that lock it wait until this one is committed."""
    session.execute(select(Batch.id).where(Batch.id == batch_id).with_for_update())


def by_output(session: Session, output: str, name: str) -> Batch | None:
    """Return the batch with this output and name, or None."""
    return session.scalars(select(Batch).where(Batch.output == output, Batch.name == name)).first()


def commit_received(session: Session, batch_id: int, values: Mapping[str, Any]) -> bool:
    """Return whether this attempt of `receive` is the first to finish; only then its chunks are used."""
    result = session.execute(
        update(Batch)
        .where(Batch.id == batch_id, Batch.state == BatchState.RECEIVING)
        .values(state=str(BatchState.RUNNING), **values)
        .returning(Batch.id)
    )
    return result.first() is not None


def finish(session: Session, batch_id: int, counts: Mapping[str, int]) -> None:
    """Mark a batch as done with the work it took, and release its claims; what `receive` has counted is kept."""
    received = session.scalars(select(Batch.counts).where(Batch.id == batch_id)).one()
    session.execute(
        update(Batch)
        .where(Batch.id == batch_id)
        .values(
            state=str(BatchState.DONE),
            counts={**received, **counts},
            work_seconds=sum(events.work_seconds(session, batch_id).values()),
            finished=now(),
        )
    )
    release(session, batch_id)


def abandon(session: Session, batch_id: int) -> None:
    """Mark a batch that is not done as abandoned and release its claims, so that others take its scans."""
    unfinished = (Batch.id == batch_id, Batch.state.in_(UNFINISHED))
    session.execute(update(Batch).where(*unfinished).values(state=str(BatchState.ABANDONED), finished=now()))
    release(session, batch_id)


def hand_over(session: Session, batch: Batch, context: TaskContext) -> bool:
    """Return whether another run now works on a batch; of two that try, one succeeds."""
    result = session.execute(
        update(Batch)
        .where(Batch.id == batch.id, Batch.state == batch.state, Batch.dag_id == batch.dag_id)
        .where(Batch.run_id == batch.run_id)
        .values(dag_id=context.dag_id, run_id=context.run_id)
        .returning(Batch.id)
    )
    return result.first() is not None


def unfinished(session: Session, collection: str) -> Sequence[Batch]:
    """Return the batches of a collection that are neither done nor abandoned, oldest first."""
    return session.scalars(
        select(Batch).where(Batch.collection == collection, Batch.state.in_(UNFINISHED)).order_by(Batch.id)
    ).all()


def lately_under_way(session: Session, lately: timedelta) -> set[str]:
    """Return the collections with a scheduler's batch that is under way, or was given up, or that waited, lately."""
    limit = now() - lately
    active = select(Event.id).where(Event.batch_id == Batch.id, Event.at > limit)
    begun = and_(Batch.state.in_(UNFINISHED), or_(Batch.started > limit, active.exists()))
    given_up = and_(Batch.state == BatchState.ABANDONED, Batch.finished > limit)
    found = set(session.scalars(select(Batch.collection).where(Batch.dag_id != "", or_(begun, given_up)).distinct()))
    # A run whose inbox, or output, does not answer waits before it has a batch.
    waiting = select(Notice.collection).where(Notice.subject.startswith("waiting "), Notice.at > limit)
    return found | set(session.scalars(waiting.distinct()))


def is_sole_writer(session: Session, batch: Batch) -> bool:
    """Return whether no other unfinished batch writes to the same output."""
    others = select(Batch.id).where(Batch.output == batch.output, Batch.id != batch.id, Batch.state.in_(UNFINISHED))
    return session.scalars(others.limit(1)).first() is None


def last_received(session: Session, collection: str) -> Batch | None:
    """Return the newest batch of a collection whose chunks are known, also one that was abandoned; None without one."""
    received = (Batch.collection == collection, Batch.state != BatchState.RECEIVING)
    return session.scalars(select(Batch).where(*received).order_by(Batch.id.desc()).limit(1)).first()


def stale(session: Session, collection: str, silent: timedelta) -> Sequence[Batch]:
    """Return unfinished batches without events or claims for a while: their run will not be resumed."""
    limit = now() - silent
    active = select(Event.id).where(Event.batch_id == Batch.id, Event.at > limit)
    claimed = select(Claim.scan_id).where(Claim.batch_id == Batch.id, Claim.expires > now())
    return session.scalars(
        select(Batch).where(
            Batch.collection == collection,
            Batch.state.in_(UNFINISHED),
            Batch.started < limit,
            ~active.exists(),
            ~claimed.exists(),
        )
    ).all()


def recently_finished(session: Session, collection: str, count: int) -> Sequence[Batch]:
    """Return the batches that were finished or abandoned last, newest first."""
    return session.scalars(
        select(Batch)
        .where(Batch.collection == collection, Batch.state.not_in(UNFINISHED))
        .order_by(Batch.id.desc())
        .limit(count)
    ).all()


def orphaned(session: Session, collection: str) -> list[Batch]:
    """Return unfinished batches whose owner process has certainly ended, oldest first."""
    return [batch for batch in unfinished(session, collection) if batch.owner and has_ended(batch.owner)]


def adopt(session: Session, batch_id: int, old_owner: str, new_owner: str) -> bool:
    """Return whether a new process now owns an orphaned batch; of two that try, one succeeds."""
    result = session.execute(
        update(Batch).where(Batch.id == batch_id, Batch.owner == old_owner).values(owner=new_owner).returning(Batch.id)
    )
    return result.first() is not None


def count_outcomes(session: Session, batch_id: int) -> int:
    """Return how many scans of a batch have an outcome so far."""
    return session.scalar(select(func.count()).select_from(OutcomeRow).where(OutcomeRow.batch_id == batch_id)) or 0
