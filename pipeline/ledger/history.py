"""Find scans, and read everything that the ledger records of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from pipeline.ledger.events import write_pending
from pipeline.ledger.tables import Batch, Decision, Event, OutcomeRow, Publication, Scan


@dataclass(frozen=True)
class History:
    """One scan with its outcomes, events and decisions, oldest first, and the batches that they refer to."""

    scan: Scan
    outcomes: Sequence[OutcomeRow]
    events: Sequence[Event]
    decisions: Sequence[Decision]
    batches: dict[int, Batch]
    publication: Publication | None
    same_bytes: Sequence[Scan]


def find(session: Session, term: str, collection: str | None = None) -> Sequence[Scan]:
    """Return the scans that match a name or a digest, oldest first.

    Args:
        term: a path, a file name, a path of the output without extension, or 8 or more digits of a sha256, of a master
            or of a derivative.
    """
    conditions = [Scan.path == term]
    if len(term) >= 8 and all(digit in "0123456789abcdef" for digit in term.lower()):
        conditions.append(Scan.sha256.startswith(term.lower()))
        conditions.append(
            Scan.id.in_(select(OutcomeRow.scan_id).where(OutcomeRow.restored_sha256.startswith(term.lower())))
        )
    for clause in (conditions, [Scan.path.endswith(f"/{term}", autoescape=True)], [_published(term)]):
        query = select(Scan).where(or_(*clause)).order_by(Scan.id)
        if collection is not None:
            query = query.where(Scan.collection == collection)
        if found := session.scalars(query).all():
            return found
    return []


def history(session: Session, scan: Scan) -> History:
    """Return everything that the ledger records of a scan."""
    write_pending(session)
    outcomes = session.scalars(
        select(OutcomeRow).where(OutcomeRow.scan_id == scan.id).order_by(OutcomeRow.recorded)
    ).all()
    events = session.scalars(select(Event).where(Event.scan_id == scan.id).order_by(Event.id)).all()
    decisions = session.scalars(select(Decision).where(Decision.scan_id == scan.id).order_by(Decision.id)).all()
    batch_ids = {outcome.batch_id for outcome in outcomes} | {event.batch_id for event in events if event.batch_id}
    batches = session.scalars(select(Batch).where(Batch.id.in_(batch_ids)).order_by(Batch.id)).all()
    publication = session.scalars(
        select(Publication).where(Publication.collection == scan.collection, Publication.path == scan.path)
    ).first()
    duplicates = session.scalars(
        select(Scan)
        .where(Scan.sha256 == scan.sha256, Scan.sha256 != "", Scan.id != scan.id, Scan.collection == scan.collection)
        .order_by(Scan.id)
    ).all()
    return History(scan, outcomes, events, decisions, {batch.id: batch for batch in batches}, publication, duplicates)


def _published(term: str) -> ColumnElement[bool]:
    """Return the condition that a scan's results are published under this name, with or without extension."""
    stem = term.rpartition(".")[0] if "." in term.rpartition("/")[2] else term
    return Scan.path.in_(select(Publication.path).where(or_(Publication.stem == term, Publication.stem == stem)))
