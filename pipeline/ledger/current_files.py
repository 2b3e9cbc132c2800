"""Name the files that a collection has now: of each path the master as received and what was last published for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session, aliased

from pipeline.ledger.outcome_files import files_of
from pipeline.ledger.tables import Batch, OutcomeRow, Publication, Scan


@dataclass(frozen=True)
class ScanFiles:
    """One scan with the outcome that its files come from.

    Attributes:
        inbox: of the batch that made them.
    """

    scan: Scan
    outcome: OutcomeRow
    stem: str
    batch: str
    inbox: str

    def published(self) -> Iterator[tuple[str, str, str]]:
        """Return role, URI and sha256 of every file that was published."""
        return files_of(self.outcome)


def current_files(collection: str, output: str) -> Select[Scan, OutcomeRow, str, str, str]:
    """Return the query of what a collection has in one output now, for `as_files`; in no order.

    Of one path that is the content that was received last, and of that the latest outcome with files: what a repeated
    run has replaced is not there any more, and a failed run has left what was there.
    """
    newer = aliased(OutcomeRow)
    return (
        select(Scan, OutcomeRow, Publication.stem, Batch.name, Batch.inbox)
        .join(Publication, and_(Publication.scan_id == Scan.id, Publication.path == Scan.path))
        .join(OutcomeRow, OutcomeRow.scan_id == Scan.id)
        .join(Batch, Batch.id == OutcomeRow.batch_id)
        .where(
            Publication.collection == collection,
            Scan.collection == collection,
            Batch.output.in_([output, f"{output}/"]),
            OutcomeRow.sidecar_uri != "",
            ~select(newer.id)
            .where(
                newer.scan_id == OutcomeRow.scan_id,
                newer.sidecar_uri != "",
                or_(
                    newer.recorded > OutcomeRow.recorded,
                    and_(newer.recorded == OutcomeRow.recorded, newer.id > OutcomeRow.id),
                ),
            )
            .exists(),
        )
    )


def as_files(row: Any) -> ScanFiles:
    """Return a row of `current_files`."""
    scan, outcome, stem, batch, inbox = row[:5]
    return ScanFiles(scan, outcome, stem, batch, inbox)


def reload(session: Session, files: ScanFiles, output: str) -> ScanFiles | None:
    """Return a scan's files as the ledger has them now; None when it has other ones of that path."""
    return current_of(session, files.scan.collection, output, [files.scan.id]).get(files.scan.id)


def current_of(session: Session, collection: str, output: str, scan_ids: Sequence[int]) -> dict[int, ScanFiles]:
    """Return what a collection has now of some scans, by their ids; what it has not is left out."""
    # By path: without statistics SQLite would read all publications to find some scans.
    paths = session.scalars(select(Scan.path).where(Scan.id.in_(scan_ids), Scan.collection == collection)).all()
    query = current_files(collection, output).where(Publication.path.in_(paths), Scan.id.in_(scan_ids))
    return {files.scan.id: files for files in map(as_files, session.execute(query))}
