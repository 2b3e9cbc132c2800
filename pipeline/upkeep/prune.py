"""Find and delete what an output holds beside results: reports, quarantined copies and work areas of finished batches.

Derivatives, masks, suggestions and sidecars are never deleted, nor anything of a batch under way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from pipeline import storage
from pipeline.errors import ConfigurationError
from pipeline.ledger import TaskContext, batches, events
from pipeline.ledger.database import Ledger
from pipeline.ledger.rows import now
from pipeline.ledger.tables import Batch
from pipeline.provenance.events import EventType
from pipeline.stages.batch import FOLDER
from pipeline.storage import Entry
from pipeline.upkeep.outputs import Output, files_below, outputs

# Folders of an output that may be pruned, each with a folder per batch.
PRUNABLE = ("reports", "quarantine", FOLDER)


@dataclass(frozen=True)
class Prunable:
    """One batch's part of a folder that may be deleted."""

    output: Output
    folder: str
    batch: str
    uri: str
    files: int
    bytes: int


def find_prunable(
    ledger: Ledger, older_than: timedelta, collection: str = "", kinds: Sequence[str] = PRUNABLE
) -> list[Prunable]:
    """Return what may be deleted of batches that ended long enough ago.

    A work area of a batch that the ledger does not know, as after an older ledger was put back, counts as ended when
    its last file was written.

    Args:
        older_than: time since the end of a batch.
        kinds: of `PRUNABLE`.

    Raises:
        ConfigurationError: the ledger does not know the collection.
        StoreUnavailable: the store did not answer.
    """
    limit = now() - older_than
    found = []
    for output in outputs(ledger, collection):
        with ledger.read() as session:
            rows = session.scalars(select(Batch).where(Batch.collection == output.collection)).all()
        known = {row.name: row for row in rows}
        for folder in kinds:
            for name, files in _by_batch(storage.join(output.uri, folder)).items():
                ended = _ended(known.get(name), files) if name in known or folder == FOLDER else None
                if ended is not None and ended < limit:
                    uri, size = storage.join(output.uri, folder, name), sum(entry.size for entry in files)
                    found.append(Prunable(output, folder, name, uri, len(files), size))
    return found


def delete(ledger: Ledger, one: Prunable) -> None:
    """Delete one batch's part of a folder; an event, written before, says so for good.

    Raises:
        ConfigurationError: it overlaps with an inbox, so that masters may lie there.
        StoreUnavailable, OSError: it could not be deleted whole.
    """
    for inbox in one.output.inboxes:
        if storage.overlap(one.uri, inbox):
            raise ConfigurationError(f"{one.uri} and the inbox {inbox} overlap: nothing is deleted there")
    figures = {"folder": one.folder, "batch": one.batch, "uri": one.uri, "files": one.files, "bytes": one.bytes}
    record = events.EventRecord(None, "prune", str(EventType.DELETION), "deleting", figures=figures)
    with ledger.write() as session:
        events.append(session, None, TaskContext(), [record], collection=one.output.collection)
    storage.delete_tree(one.uri)


def _by_batch(root: str) -> dict[str, list[Entry]]:
    """Return the files below a folder by the first part of their path, the batch's name."""
    found: dict[str, list[Entry]] = {}
    for entry in files_below(root):
        name, slash, _ = entry.path.partition("/")
        if slash:
            found.setdefault(name, []).append(entry)
    return found


def _ended(batch: Batch | None, files: Sequence[Entry]) -> datetime | None:
    """Return when a batch ended, None for one that is under way."""
    if batch is None:
        return datetime.fromtimestamp(max(entry.modified for entry in files), now().tzinfo)
    return None if batch.state in batches.UNFINISHED else batch.finished
