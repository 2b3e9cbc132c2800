"""Figures for monitoring: the work of one stage on one chunk, and where a collection stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pipeline.ledger.batches import BatchState
from pipeline.ledger.reviews import ReviewState
from pipeline.ledger.tables import Batch, OutcomeRow, Review, Scan
from pipeline.stages import manifest
from pipeline.stages.batch import open_ledger
from pipeline.stages.order import Stage


@dataclass(frozen=True)
class StageWork:
    """What one stage did with one chunk.

    Attributes:
        scans: how many it worked on.
        pixels: width times height of these, in sum.
        seconds: what it took.
    """

    scans: int
    pixels: int
    seconds: float


@dataclass(frozen=True)
class CollectionState:
    """Where a collection stands, by the ledger.

    Attributes:
        outcomes: results recorded since the beginning, by outcome.
        waiting: scans received in batches that are not done, without an outcome yet.
        reviews: results about which a person is asked.
        marks: open marks of these.
        last_done: when the latest batch was done, in seconds since 1970; None before the first.
    """

    outcomes: dict[str, int] = field(default_factory=dict)
    waiting: int = 0
    reviews: int = 0
    marks: int = 0
    last_done: float | None = None


def stage_work(chunk: str, stage: Stage) -> StageWork:
    """Return what a stage did with a chunk, by its manifest.

    Args:
        chunk: URI of the manifest that the stage has written.

    Raises:
        FileNotFoundError: it is not there any more, because the batch is done.
        StoreUnavailable: the store did not answer.
    """
    took = [(row, getattr(row, f"{stage}_seconds")) for row in manifest.read(chunk) if not row.same_as]
    # A scan that had stopped before the stage took no time in it, and a blank is no number.
    done = [(row, seconds) for row, seconds in took if isfinite(seconds)]
    pixels = sum((row.width or 0) * (row.height or 0) for row, _ in done)
    return StageWork(len(done), pixels, sum(seconds for _, seconds in done))


def collection_state(collection: str) -> CollectionState:
    """Return where a collection stands.

    Raises:
        StoreUnavailable: the ledger did not answer.
    """
    with open_ledger().read() as session:
        reviews, marks = _asked(session, collection)
        last = session.scalar(
            select(func.max(Batch.finished)).where(Batch.collection == collection, Batch.state == BatchState.DONE)
        )
        return CollectionState(
            outcomes=_outcomes(session, collection),
            waiting=_waiting(session, collection),
            reviews=reviews,
            marks=marks,
            last_done=last.timestamp() if last is not None else None,
        )


def _outcomes(session: Session, collection: str) -> dict[str, int]:
    query = select(OutcomeRow.outcome, func.count()).join(Scan, Scan.id == OutcomeRow.scan_id)
    query = query.where(Scan.collection == collection).group_by(OutcomeRow.outcome)
    return dict(session.execute(query).tuples().all())


def _waiting(session: Session, collection: str) -> int:
    running = (Batch.collection == collection, Batch.state.in_([BatchState.RECEIVING, BatchState.RUNNING]))
    received = session.scalar(select(func.coalesce(func.sum(Batch.received), 0)).where(*running))
    finished = select(func.count()).select_from(OutcomeRow).join(Batch, Batch.id == OutcomeRow.batch_id)
    return max(0, int(received or 0) - int(session.scalar(finished.where(*running)) or 0))


def _asked(session: Session, collection: str) -> tuple[int, int]:
    query = select(func.count(), func.coalesce(func.sum(Review.marks), 0)).where(
        Review.collection == collection, Review.state.in_([ReviewState.OPEN, ReviewState.LATER])
    )
    reviews, marks = session.execute(query).one()
    return int(reviews), int(marks)
