"""Name the files that a collection has now: of each path the master as received and what was last published for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session, aliased

from pipeline.ledger.tables import Batch, OutcomeRow, Publication, Scan

# The files of an outcome: role, folder in the output, and the columns of the ledger that name them.
PUBLISHED = (
    ("derivative", OutcomeRow.restored_uri, OutcomeRow.restored_sha256),
    ("mask", OutcomeRow.mask_uri, OutcomeRow.mask_sha256),
    ("suggestions", OutcomeRow.suggested_uri, OutcomeRow.suggested_sha256),
    ("sidecar", OutcomeRow.sidecar_uri, OutcomeRow.sidecar_sha256),
)


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
        """Yield role, URI and sha256 of every file that was published."""
        for role, uri, sha256 in PUBLISHED:
            if getattr(self.outcome, uri.key):
                yield role, getattr(self.outcome, uri.key), getattr(self.outcome, sha256.key)


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
    found = session.execute(current_files(files.scan.collection, output).where(Scan.id == files.scan.id)).first()
    return None if found is None else as_files(found)
