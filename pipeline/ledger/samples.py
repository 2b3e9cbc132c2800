"""Random samples of repairs that nobody had seen: what was drawn, and what people said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, case, func, select, update
from sqlalchemy.orm import Session

from pipeline.ledger.outcome import Outcome
from pipeline.ledger.reviews import AUDIT, FILLED, REPLACED, ReviewState
from pipeline.ledger.rows import insert, now, pages
from pipeline.ledger.tables import OutcomeRow, Review, Sample

LATELY = timedelta(days=365)
"""The figures are those of samples drawn since: software, recipes and collections change."""


class SampleVerdict(StrEnum):
    """What a person said of a repair that was drawn.

    Attributes:
        OPEN: nothing yet.
        SOUND: it was right.
        FALSE: it was rejected, or a part of it was erased.
        REPLACED: there was another result before anybody looked; it counts as not drawn.
    """

    OPEN = ""
    SOUND = "sound"
    FALSE = "false"
    REPLACED = REPLACED


@dataclass(frozen=True)
class Unseen:
    """A repair of which nobody has been asked."""

    scan_id: int
    recipe_digest: str
    sha256: str


@dataclass(frozen=True)
class JudgedBatch:
    """What people said of the sample of one batch."""

    batch_id: int
    drawn: int
    open: int
    false: int


@dataclass(frozen=True)
class AuditFigures:
    """What people said of the samples of a collection that were drawn lately.

    Attributes:
        drawn, decided, false: how many repairs were drawn, how many of these somebody decided about, and how many of
            these were false.
    """

    drawn: int = 0
    decided: int = 0
    false: int = 0


def unseen(session: Session, batch_id: int) -> list[Unseen]:
    """Return the repairs of a batch of which nobody has been asked, in no particular order."""
    query = (
        select(Review.scan_id, Review.recipe_digest, OutcomeRow.restored_sha256)
        .join(OutcomeRow, (OutcomeRow.scan_id == Review.scan_id) & (OutcomeRow.recipe_digest == Review.recipe_digest))
        .where(Review.batch_id == batch_id, Review.state == ReviewState.UNASKED)
        .where(OutcomeRow.outcome == Outcome.RESTORED)
    )
    return [Unseen(*row) for row in session.execute(query)]


def draw(session: Session, collection: str, batch_id: int, drawn: Sequence[Unseen]) -> None:
    """Record a sample, and ask people about it after what is open and in review."""
    moment = now()
    for page in pages(drawn):
        values = [
            {"collection": collection, "batch_id": batch_id, "verdict": "", "drawn": moment}
            | {"scan_id": one.scan_id, "recipe_digest": one.recipe_digest, "sha256": one.sha256}
            for one in page
        ]
        session.execute(insert(session, Sample).values(values).on_conflict_do_nothing())
        session.execute(
            update(Review)
            .where(Review.batch_id == batch_id, Review.scan_id.in_([one.scan_id for one in page]))
            .where(Review.state == ReviewState.UNASKED)
            .values(state=str(ReviewState.OPEN), priority=Review.priority - FILLED + AUDIT)
        )


def judge(session: Session, review: Review, sha256: str, verdict: SampleVerdict) -> None:
    """Record what somebody said of a repair, if it was drawn.

    Args:
        sha256: of the derivative that was looked at.
    """
    session.execute(
        update(Sample)
        .where(Sample.scan_id == review.scan_id, Sample.recipe_digest == review.recipe_digest, Sample.sha256 == sha256)
        .values(verdict=str(verdict))
    )


def judged_batches(session: Session, collection: str, limit: int) -> list[JudgedBatch]:
    """Return the batches of which people have judged the sample, the latest first.

    One false repair judges a batch; without one, the whole sample must have been looked at.
    """
    false, still = _count(SampleVerdict.FALSE), _count(SampleVerdict.OPEN)
    query = (
        select(Sample.batch_id, func.count(), still, false)
        .where(Sample.collection == collection, Sample.verdict != SampleVerdict.REPLACED)
        .group_by(Sample.batch_id)
        .having((false > 0) | (still == 0))
        .order_by(Sample.batch_id.desc())
        .limit(limit)
    )
    return [JudgedBatch(*row) for row in session.execute(query)]


def figures(session: Session, collection: str) -> AuditFigures:
    """Return what people said of a collection's samples of the last `LATELY`."""
    return all_figures(session, collection).get(collection, AuditFigures())


def all_figures(session: Session, collection: str = "") -> dict[str, AuditFigures]:
    """Return what people said of the samples of the last `LATELY`, by collection; those without any are left out."""
    query = select(Sample.collection, func.count(), _count(SampleVerdict.OPEN), _count(SampleVerdict.FALSE))
    lately = (Sample.drawn > now() - LATELY, Sample.verdict != SampleVerdict.REPLACED)
    query = query.where(*lately).group_by(Sample.collection)
    if collection:
        query = query.where(Sample.collection == collection)
    return {
        name: AuditFigures(drawn, drawn - still, false) for name, drawn, still, false in session.execute(query).tuples()
    }


def _count(verdict: SampleVerdict) -> ColumnElement[int]:
    return func.sum(case((Sample.verdict == str(verdict), 1), else_=0))
