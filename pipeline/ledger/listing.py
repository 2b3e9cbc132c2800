"""Find scans by their outcome, across collections and batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from pipeline.ledger.tables import Batch, OutcomeRow, Scan

Listed = tuple[Scan, OutcomeRow, Batch]


@dataclass(frozen=True)
class OutcomeFilter:
    """Which outcomes to find; what is empty or None restricts nothing.

    Attributes:
        outcomes: their names.
        reasons: codes such as `truncated`, or a part of a recorded reason in words, in any case.
        since: recorded at or after this moment.
        collection: name of a collection.
        batch: name of a batch. Without one, only what is published for a path now is found: an outcome that a later one
            has replaced is history.
    """

    outcomes: Sequence[str] = ()
    reasons: Sequence[str] = ()
    since: datetime | None = None
    collection: str = ""
    batch: str = ""


def find_outcomes(session: Session, wanted: OutcomeFilter, limit: int | None = None) -> list[Listed]:
    """Return scans with their outcomes and batches, the latest first; at most `limit`."""
    query = select(Scan, OutcomeRow, Batch).join(OutcomeRow, OutcomeRow.scan_id == Scan.id)
    query = query.join(Batch, Batch.id == OutcomeRow.batch_id).where(*_conditions(wanted))
    query = query.order_by(OutcomeRow.recorded.desc(), OutcomeRow.id.desc()).limit(limit)
    return [(scan, outcome, batch) for scan, outcome, batch in session.execute(query)]


def count_outcomes(session: Session, wanted: OutcomeFilter) -> dict[str, int]:
    """Return how many scans have each outcome."""
    query = select(OutcomeRow.outcome, func.count()).select_from(Scan)
    query = query.join(OutcomeRow, OutcomeRow.scan_id == Scan.id).join(Batch, Batch.id == OutcomeRow.batch_id)
    return dict(session.execute(query.where(*_conditions(wanted)).group_by(OutcomeRow.outcome)).tuples().all())


def reason_of(outcome: OutcomeRow) -> tuple[str, str]:
    """Return the code of an outcome's reason and the reason in words; a review has only words."""
    words = str(outcome.figures.get("review_reason") or "")
    return outcome.reason, outcome.message or words


def _conditions(wanted: OutcomeFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.outcomes:
        found.append(OutcomeRow.outcome.in_(wanted.outcomes))
    if wanted.reasons:
        review = OutcomeRow.figures["review_reason"].as_string()
        texts = (OutcomeRow.reason, OutcomeRow.message, review)
        found.append(or_(*(text.icontains(reason, autoescape=True) for reason in wanted.reasons for text in texts)))
    if wanted.since:
        found.append(OutcomeRow.recorded >= wanted.since)
    if wanted.collection:
        found.append(Scan.collection == wanted.collection)
    found.append(Batch.name == wanted.batch if wanted.batch else _is_current())
    return found


def _is_current() -> ColumnElement[bool]:
    """Return the condition that no later outcome was recorded for the path."""
    other, later = aliased(Scan), aliased(OutcomeRow)
    newer = or_(
        later.recorded > OutcomeRow.recorded, and_(later.recorded == OutcomeRow.recorded, later.id > OutcomeRow.id)
    )
    same_path = and_(other.collection == Scan.collection, other.path == Scan.path)
    return ~select(later.id).join(other, other.id == later.scan_id).where(same_path, newer).exists()
