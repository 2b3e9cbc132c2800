"""A batch and its work area `<output>/.work/<batch>/`, where its manifests and pixels are kept."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from pipeline import storage
from pipeline.errors import FinalError, OutputNotWritable
from pipeline.ledger import batches
from pipeline.ledger.database import Ledger
from pipeline.ledger.migrate import shared_ledger
from pipeline.ledger.tables import Batch
from pipeline.settings import Collection, settings

FOLDER = ".work"


@dataclass(frozen=True)
class BatchContext:
    """A batch as all its tasks see it; the same from the first attempt of `receive` to the last of `reconcile`.

    Attributes:
        uri: of the work area.
        recipe_digest: of the recipe with engine and detector; the key of every result.
        engine_digest, detector_digest: of both as they were when the batch began, with `models.RULES`.
        inbox: URI that is listed; the collection's unless the run was given another one.
    """

    uri: str
    collection: Collection
    name: str
    batch_id: int
    inbox: str
    recipe_digest: str
    engine_digest: str
    detector_digest: str
    code_version: str
    host: str
    dag_id: str
    run_id: str
    started: datetime

    @classmethod
    def of(cls, collection: Collection, row: Batch) -> BatchContext:
        """Return the context of a batch in the ledger: what its first attempt recorded applies to all."""
        return cls(
            uri=work_area(collection.output, row.name),
            collection=collection,
            name=row.name,
            batch_id=row.id,
            inbox=row.inbox,
            recipe_digest=row.recipe_digest,
            engine_digest=row.engine_digest.partition(" ")[0],
            detector_digest=row.engine_digest.partition(" ")[2],
            code_version=row.code_version,
            host=row.host,
            dag_id=row.dag_id,
            run_id=row.run_id,
            started=row.started,
        )

    @property
    def output(self) -> str:
        """URI of the results."""
        return self.collection.output

    def work_uri(self, *parts: str) -> str:
        """Return a URI in the work area."""
        return storage.join(self.uri, *parts)

    def output_uri(self, *parts: str) -> str:
        """Return a URI below the collection's output."""
        return storage.join(self.collection.output, *parts)

    def chunk_uri(self, number: int, attempt: str) -> str:
        """Return the URI of a received chunk; attempts of `receive` do not share names."""
        return self.work_uri("chunks", f"{number:04d}-{attempt}.received.parquet")

    def chunk_uris(self, row: Batch) -> list[str]:
        """Return the URIs of all received chunks: those of the attempt that the ledger has recorded.

        Args:
            row: the batch in the ledger.
        """
        return [self.chunk_uri(number, row.attempt) for number in range(1, row.chunks + 1)]

    def save(self) -> None:
        """Write the context to `batch.json` in the work area."""
        document = asdict(self)
        del document["uri"]
        document["batch"] = document.pop("name")
        document["collection"] = self.collection.model_dump(mode="json")
        document["started"] = self.started.isoformat()
        storage.write_bytes(self.work_uri("batch.json"), json.dumps(document, indent=1, ensure_ascii=False).encode())


def work_area(output: str, batch: str) -> str:
    """Return the URI of a batch's work area."""
    return storage.join(output, FOLDER, batch)


def load_batch(uri: str) -> BatchContext:
    """Return a batch by the URI of its work area, or of any chunk in it.

    Raises:
        InputVanished: the work area is gone because the batch was finished or given up.
        UnknownBatch: the ledger does not know it, as when an older ledger was put back.
        OutputNotWritable: it is gone although the batch is under way: a disk is not mounted, or a bucket is missing.
    """
    root = _root(uri)
    try:
        document: dict[str, Any] = json.loads(storage.read_bytes(storage.join(root, "batch.json")))
    except (FileNotFoundError, NotADirectoryError) as error:
        row = find_row(root)
        if row is not None and row.state in batches.UNFINISHED:
            raise OutputNotWritable(
                f"{root}: the work area of a batch under way is missing; is the output mounted, or the bucket there?"
            ) from error
        raise InputVanished(f"{root}: the batch was finished or given up, and its work area removed") from error
    document["name"] = document.pop("batch")
    document["collection"] = Collection.model_validate(document["collection"])
    document["started"] = datetime.fromisoformat(document["started"])
    found = BatchContext(uri=root, **document)
    with open_ledger().read() as session:
        row = batches.get(session, found.collection.name, found.name)
    if row.id != found.batch_id:
        raise batches.UnknownBatch(f"the ledger knows another batch {found.name!r}: was an older ledger put back?")
    return found


def find_row(uri: str) -> Batch | None:
    """Return the batch in the ledger by the URI of its work area, or of any chunk in it; None without one."""
    output, _, name = _root(uri).rpartition(f"/{FOLDER}/")
    with open_ledger().read() as session:
        return batches.by_output(session, output, name)


def _root(uri: str) -> str:
    """Return the URI of the work area that contains a chunk, or of itself."""
    return uri.rpartition("/chunks/")[0] or uri.rstrip("/")


class InputVanished(FinalError, FileNotFoundError):
    """The work area of a batch was removed, because the batch was finished or given up."""


def open_ledger() -> Ledger:
    """Return the open ledger of this installation, its schema up to date."""
    return shared_ledger(settings().ledger_url)
