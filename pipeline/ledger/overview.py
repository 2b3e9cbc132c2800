"""How the collections stand as a whole: batches, what waits, what people have decided. No query reads every event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from pipeline.ledger.batches import UNFINISHED, count_outcomes
from pipeline.ledger.tables import Batch, Notice, Review


@dataclass(frozen=True)
class BatchProgress:
    """A batch that is under way, and how many of its scans have an outcome."""

    batch: Batch
    done: int


@dataclass
class Reviewed:
    """What people were asked about in a collection, and how far they are.

    Attributes:
        results: by state of their review.
        marks: marks that were not filled, by state.
    """

    results: dict[str, int] = field(default_factory=dict)
    marks: dict[str, int] = field(default_factory=dict)


def recent_batches(session: Session, since: datetime) -> Sequence[Batch]:
    """Return the batches that began since, are under way, or are the last of their collection; the latest first."""
    last = select(func.max(Batch.id)).group_by(Batch.collection)
    wanted = or_(Batch.started >= since, Batch.state.in_(UNFINISHED), Batch.id.in_(last))
    return session.scalars(select(Batch).where(wanted).order_by(Batch.id.desc())).all()


def progress(session: Session, found: Sequence[Batch]) -> list[BatchProgress]:
    """Return those of some batches that are under way."""
    return [BatchProgress(one, count_outcomes(session, one.id)) for one in found if one.state in UNFINISHED]


def reviewed(session: Session) -> dict[str, Reviewed]:
    """Return what people were asked about, by collection."""
    found: dict[str, Reviewed] = {}
    query = select(Review.collection, Review.state, func.count(), func.sum(Review.marks))
    for collection, state, results, marks in session.execute(query.group_by(Review.collection, Review.state)):
        told = found.setdefault(collection, Reviewed())
        told.results[state], told.marks[state] = results, int(marks or 0)
    return found


def recent_notices(session: Session, since: datetime) -> Sequence[Notice]:
    """Return the notices that were sent to people since, the latest first."""
    return session.scalars(select(Notice).where(Notice.at >= since).order_by(Notice.at.desc())).all()
