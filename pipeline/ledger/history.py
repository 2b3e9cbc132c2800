"""Read everything that the ledger records of scans."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, String, literal_column, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from pipeline.ledger.events import write_pending
from pipeline.ledger.rows import batched, pages
from pipeline.ledger.tables import Batch, Decision, Event, OutcomeRow, Publication, Scan

# Scans of which the history is in memory at a time.
SCANS = 100
# The stage of their uploads, see `review.upload.take`.
UPLOAD = "upload"
# The content that was uploaded, in each database's own words.
SHA256 = {
    "sqlite": "json_extract(ledger_events.figures, '$.sha256')",
    "postgresql": "(ledger_events.figures ->> 'sha256')",
}


@dataclass(frozen=True)
class History:
    """One scan with its outcomes, events and decisions, oldest first, and the batches that they refer to.

    Among the events are those of its upload, which was recorded before there was a scan.
    """

    scan: Scan
    outcomes: Sequence[OutcomeRow]
    events: Sequence[Event]
    decisions: Sequence[Decision]
    batches: dict[int, Batch]
    publication: Publication | None
    same_bytes: Sequence[Scan]


def history(session: Session, scan: Scan) -> History:
    """Return everything that the ledger records of a scan."""
    write_pending(session)
    return next(_page(session, {scan.id: scan}))


def events_of(session: Session, scan: Scan) -> list[Event]:
    """Return the events of one scan and of its upload, oldest first."""
    write_pending(session)
    found = session.scalars(select(Event).where(Event.scan_id == scan.id))
    return sorted([*_uploads(session, {scan.id: scan})[scan.id], *found], key=lambda one: one.id)


def histories(session: Session, scans: Iterable[Scan]) -> Iterator[History]:
    """Yield everything that the ledger records of each of some scans; a page of them is in memory at a time.

    Args:
        session: forgets, after each page, the objects that it has read.
    """
    write_pending(session)
    for page in batched(scans, SCANS):
        yield from _page(session, {scan.id: scan for scan in page})
        session.expunge_all()


def latest_outcomes(session: Session, scan_ids: Sequence[int]) -> dict[int, OutcomeRow]:
    """Return the latest outcome of each scan; scans without one are left out."""
    found: dict[int, OutcomeRow] = {}
    for page in pages(scan_ids):
        query = select(OutcomeRow).where(OutcomeRow.scan_id.in_(page)).order_by(OutcomeRow.recorded, OutcomeRow.id)
        found |= {outcome.scan_id: outcome for outcome in session.scalars(query)}
    return found


def _page(session: Session, scans: dict[int, Scan]) -> Iterator[History]:
    outcomes = _by_scan(session, select(OutcomeRow).order_by(OutcomeRow.recorded), OutcomeRow.scan_id, scans)
    events = _by_scan(session, select(Event).order_by(Event.id), Event.scan_id, scans)
    decisions = _by_scan(session, select(Decision).order_by(Decision.id), Decision.scan_id, scans)
    for key, those in _uploads(session, scans).items():
        events[key] = sorted([*those, *events[key]], key=lambda one: one.id)
    ids = {one.batch_id for those in outcomes.values() for one in those}
    ids |= {one.batch_id for those in events.values() for one in those if one.batch_id}
    found = {batch.id: batch for batch in session.scalars(select(Batch).where(Batch.id.in_(ids)).order_by(Batch.id))}
    published = select(Publication).where(
        Publication.collection.in_({scan.collection for scan in scans.values()}),
        Publication.path.in_({scan.path for scan in scans.values()}),
    )
    names = {(one.collection, one.path): one for one in session.scalars(published)}
    same: dict[tuple[str, str], list[Scan]] = defaultdict(list)
    digests = {scan.sha256 for scan in scans.values()} - {""}
    for one in session.scalars(select(Scan).where(Scan.sha256.in_(digests)).order_by(Scan.id)):
        same[one.collection, one.sha256].append(one)
    for key, scan in scans.items():
        mine = {one.batch_id for one in outcomes[key]} | {one.batch_id for one in events[key]}
        yield History(
            scan,
            outcomes[key],
            events[key],
            decisions[key],
            {batch_id: batch for batch_id, batch in found.items() if batch_id in mine},
            names.get((scan.collection, scan.path)),
            [one for one in same[scan.collection, scan.sha256] if one.id != key],
        )


def _uploads(session: Session, scans: dict[int, Scan]) -> dict[int, list[Event]]:
    """Return the events of uploads by the scan that came of them: the same content, path and collection."""
    found: dict[int, list[Event]] = defaultdict(list)
    keys = {(scan.collection, scan.path, scan.sha256): key for key, scan in scans.items()}
    # Written out as in their index, which is of nothing else: a bound value is not known when the index is chosen.
    dialect = session.get_bind().dialect.name
    sha256: ColumnElement[str] = literal_column(SHA256[dialect], String)
    mine = (Event.stage == literal_column(f"'{UPLOAD}'"), sha256.in_({digest for _, _, digest in keys}))
    for event in session.scalars(select(Event).where(*mine)):
        figures = event.figures
        key = keys.get((str(figures.get("collection")), str(figures.get("path")), str(figures["sha256"])))
        if key is not None:
            found[key].append(event)
    return found


def _by_scan(
    session: Session, query: Select[Any], column: InstrumentedAttribute[Any], scans: Collection[int]
) -> dict[int, list[Any]]:
    """Return rows by the scan that they are about."""
    found: dict[int, list[Any]] = defaultdict(list)
    for row in session.scalars(query.where(column.in_(scans))):
        found[row.scan_id].append(row)
    return found
