"""Keep files in the output that this program did not write, or that somebody has changed since."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from pipeline import storage
from pipeline.ledger import outcomes
from pipeline.ledger.database import Ledger
from pipeline.stages.batch import BatchContext
from pipeline.stages.scan_row import ScanRow, Stopped, failed
from pipeline.stages.writing_marker import marker_uri


def refuse_foreign(batch: BatchContext, ledger: Ledger, row: ScanRow, uris: Sequence[str]) -> Stopped | None:
    """Return why a scan cannot be published, or None after recording that its files are about to be written.

    A file is this program's when the ledger or a sidecar of the same path has its checksum, or when an earlier attempt
    was interrupted while it wrote.

    Args:
        uris: of all files that would be written.
    """
    marker = marker_uri(batch.output, row.output_path)
    if storage.exists(marker):
        return None
    there = [uri for uri in uris if storage.exists(uri)]
    if there:
        with ledger.read() as session:
            known = outcomes.published_digests(session, batch.collection.name, row.path)
        known |= _digests_of_sidecar(batch, row)
        foreign = [uri for uri in there if storage.sha256(uri) not in known]
        if foreign:
            return failed(
                "occupied",
                f"{foreign[0]} was not written by this program, or was changed since, and is kept: move it away, then"
                " start a run with redo",
            )
    storage.write_bytes(marker, json.dumps({"path": row.path, "batch": batch.name}, ensure_ascii=False).encode())
    return None


def written(batch: BatchContext, row: ScanRow) -> None:
    """Forget that a scan's files were about to be written: its outcome is recorded."""
    storage.delete(marker_uri(batch.output, row.output_path))


def _digests_of_sidecar(batch: BatchContext, row: ScanRow) -> set[str]:
    """Return the checksums of a scan's sidecar in the output and of the files that it names; none without one.

    The ledger may be younger than the results, or an older copy of it.
    """
    try:
        data = storage.read_bytes(batch.output_uri("sidecars", f"{row.output_path}.json"))
        document = json.loads(data)
        if document["master"]["path"] != row.path:
            return set()
        mask = document["mask"]
        named = [document["output"], mask, mask["suggested"], document.get("access"), document.get("credentials")]
        return {hashlib.sha256(data).hexdigest(), *(one["sha256"] for one in named if one and one["sha256"])}
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return set()
