"""Measure how much room results take, by collection and folder."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import func, select

from pipeline.ledger import usage as ledger_usage
from pipeline.ledger.database import Ledger
from pipeline.ledger.tables import OutcomeRow, Scan
from pipeline.upkeep.outputs import Output, folders, outputs


@dataclass(frozen=True)
class Usage:
    """The room that one output takes.

    Attributes:
        files, bytes: by folder.
        scans: of the collection with an outcome, at present or earlier.
        master_bytes: of those scans, as received; they lie in the inbox, not here.
    """

    output: Output
    scans: int
    master_bytes: int
    files: dict[str, int] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Bytes of all folders."""
        return sum(self.bytes.values())


def measure(ledger: Ledger, collection: str = "") -> list[Usage]:
    """Return the room that the outputs of one collection take, or of all; the ledger keeps the sums with their date.

    Raises:
        ConfigurationError: the ledger does not know the collection.
        StoreUnavailable: the store did not answer.
    """
    found = []
    for output in outputs(ledger, collection):
        with ledger.read() as session:
            known = select(Scan.id, Scan.bytes).where(Scan.collection == output.collection)
            done = known.where(select(OutcomeRow.id).where(OutcomeRow.scan_id == Scan.id).exists()).subquery()
            scans, size = session.execute(select(func.count(), func.sum(done.c.bytes)).select_from(done)).one()
        usage = Usage(output, scans, int(size or 0))
        for folder, files in folders(output):
            usage.files[folder] = len(files)
            usage.bytes[folder] = sum(entry.size for entry in files)
        with ledger.write() as session:
            count = sum(usage.files.values())
            ledger_usage.record(session, output.collection, output.uri, count, usage.total)
        found.append(usage)
    return found
