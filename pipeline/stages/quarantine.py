"""Quarantine: a copy of each file that could not be read, and the reason."""

from __future__ import annotations

import hashlib
import json

from pipeline import logs, storage
from pipeline.errors import OutputNotWritable, Reason
from pipeline.escape import quoted
from pipeline.ledger.publications import shortened
from pipeline.stages.batch import BatchContext
from pipeline.stages.scan_row import ScanRow

# Not copied: there is nothing to copy, the link must not be followed, or the file would fill the disk.
UNCOPIED = (Reason.NOT_A_FILE, Reason.OUTWARD_LINK, Reason.DANGLING_LINK, Reason.TOO_MANY_BYTES, Reason.ARCHIVED)


def quarantine(batch: BatchContext, row: ScanRow) -> None:
    """Write `quarantine/<batch>/<path>` and `<path>.reason.json`.

    Raises:
        StoreUnavailable: a retry may succeed.
    """
    try:
        _write(batch, row, shortened(row.path))
    except OutputNotWritable as error:
        # A bucket may hold a file and a folder of one name, and a disk cannot.
        if not isinstance(error.__cause__, (NotADirectoryError, IsADirectoryError)):
            raise
        mark = hashlib.sha256(row.path.encode()).hexdigest()[:8]
        _write(batch, row, shortened(f"{mark}~{row.path.replace('/', '~')}"))


def _write(batch: BatchContext, row: ScanRow, name: str) -> None:
    """Write the copy and its reason under a name below the batch's quarantine."""
    copied = ""
    if row.reason not in UNCOPIED:
        target = batch.output_uri("quarantine", batch.name, name)
        try:
            storage.copy(row.uri, target)
            copied = target
        except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
            logger = logs.stage_logger("publish")
            logger.warning("scan=%s could not be copied to quarantine: %s", quoted(row.path), error)
    document = {
        "path": row.path,
        "uri": row.uri,
        "sha256": row.sha256,
        "bytes": row.bytes,
        "reason": row.reason,
        "message": row.message,
        "copy": copied or None,
        "batch": batch.name,
        "code_version": batch.code_version,
    }
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    storage.write_bytes(
        batch.output_uri("quarantine", batch.name, f"{name}.reason.json"), text.encode("utf-8", "replace")
    )
