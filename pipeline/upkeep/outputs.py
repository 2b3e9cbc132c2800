"""The outputs that a ledger knows, and the files of each folder in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from pipeline import storage
from pipeline.errors import ConfigurationError
from pipeline.ledger import batches
from pipeline.ledger.database import Ledger
from pipeline.ledger.tables import Batch
from pipeline.stages.batch import FOLDER
from pipeline.stages.cleanup import FOLDERS
from pipeline.stages.previews import THUMBS
from pipeline.storage import Entry


@dataclass(frozen=True)
class Output:
    """One output of a collection.

    Attributes:
        uri: without a trailing slash.
        inboxes: of all its batches.
        unfinished: names of batches that are under way.
        batches: names of all batches.
    """

    collection: str
    uri: str
    inboxes: Sequence[str]
    unfinished: Sequence[str]
    batches: Sequence[str] = ()


def outputs(ledger: Ledger, collection: str = "") -> list[Output]:
    """Return the outputs of one collection, or of all; each collection's latest comes last.

    Raises:
        ConfigurationError: the ledger does not know the collection.
    """
    found: dict[tuple[str, str], list[Batch]] = {}
    with ledger.read() as session:
        for batch in session.scalars(select(Batch).order_by(Batch.id)):
            if not collection or batch.collection == collection:
                found.setdefault((batch.collection, batch.output.rstrip("/")), []).append(batch)
    if collection and not found:
        raise ConfigurationError(f"the ledger knows no collection {collection!r}")
    return [
        Output(
            name,
            uri,
            sorted({batch.inbox for batch in those}),
            [batch.name for batch in those if batch.state in batches.UNFINISHED],
            [batch.name for batch in those],
        )
        for (name, uri), those in found.items()
    ]


def outputs_at(ledger: Ledger, uri: str) -> list[Output]:
    """Return what collections have at one output.

    Args:
        uri: without a trailing slash.

    Raises:
        ConfigurationError: the ledger knows no such output.
    """
    known = outputs(ledger)
    found = [output for output in known if output.uri == uri]
    if not found:
        names = ", ".join(sorted({output.uri for output in known})) or "none"
        raise ConfigurationError(f"the ledger knows no output {uri} (known: {names})")
    return found


def folders(output: Output) -> Iterator[tuple[str, list[Entry]]]:
    """Yield each folder of an output with its files; folders that are not there are left out.

    Raises:
        StoreUnavailable: the store did not answer.
    """
    for folder in (*FOLDERS, THUMBS, FOLDER):
        yield from ((folder, files) for files in [files_below(storage.join(output.uri, folder))] if files)


def files_below(root: str) -> list[Entry]:
    """Return the files below a folder or prefix; none where it does not exist."""
    try:
        return [entry for entry in storage.list_files(root) if entry.kind == "file"]
    except (FileNotFoundError, NotADirectoryError):
        return []
