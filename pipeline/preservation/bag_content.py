"""Say which files go into a bag, and under which names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Select, func, select

from pipeline.ledger.current_files import ScanFiles, as_files, current_files
from pipeline.ledger.database import Ledger
from pipeline.ledger.tables import Batch, OutcomeRow, Publication, Scan
from pipeline.preservation.master_places import MASTER
from pipeline.upkeep.outputs import Output

PAGE = 200
MASTERS = "masters"


@dataclass(frozen=True)
class Selection:
    """The scans of a bag: those of one batch, or all that a collection has in an output.

    Attributes:
        batch: its name; empty for all.
        newest: highest id of a scan when the bag was begun; what arrives later is in the next bag.
        scans: how many there were then.
    """

    output: Output
    batch: str
    newest: int
    scans: int

    def pages(self, ledger: Ledger) -> Iterator[list[ScanFiles]]:
        """Yield the scans in pages by name, each with what is published for it at that moment."""
        last = ""
        while True:
            # By the key of an index: sorting a million scans for each page would take longer than copying them.
            query = _results(self.output, self.batch).add_columns(Publication.key).where(Scan.id <= self.newest)
            with ledger.read() as session:
                rows = session.execute(query.where(Publication.key > last).order_by(Publication.key).limit(PAGE)).all()
            if not rows:
                return
            last = rows[-1].key
            yield [as_files(row) for row in rows]


def select_scans(ledger: Ledger, output: Output, batch: str = "") -> Selection:
    """Return the scans that an output has now."""
    results = _results(output, batch).subquery()
    with ledger.read() as session:
        newest = session.scalar(select(func.max(Scan.id)).where(Scan.collection == output.collection)) or 0
        count = session.scalar(select(func.count()).select_from(results)) or 0
    return Selection(output, batch, newest, count)


def _results(output: Output, batch: str) -> Select[Scan, OutcomeRow, str, str, str]:
    """Return the query of what an output has now, of one batch where it is named."""
    query = current_files(output.collection, output.uri)
    return query.where(Batch.name == batch) if batch else query


def name_in_bag(files: ScanFiles, role: str, uri: str, output: str) -> str:
    """Return the path of a file below data/: that below the output, and masters under their path in the inbox."""
    if role == MASTER:
        return f"{MASTERS}/{files.scan.path}"
    return uri.removeprefix(output).lstrip("/")
