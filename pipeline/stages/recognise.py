"""Recognise results that lie in the output and that the ledger does not know, by their sidecars.

That is so after an older copy of the ledger was put back, or when it was lost: what lies there is recorded again
instead of being done again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from pipeline import logs, storage
from pipeline.escape import quoted
from pipeline.inbox.record import InboxRecord
from pipeline.ledger import TaskContext, batches, events, outcomes, publications, reviews, scans
from pipeline.ledger.database import Ledger
from pipeline.provenance.events import EventType
from pipeline.provenance.read_sidecar import SidecarRecord, read_sidecar
from pipeline.stages.access import access_uri
from pipeline.stages.batch import BatchContext

MESSAGE = "the result lay intact in the output, made by a batch that this ledger did not record"

logger = logs.stage_logger("receive")


@dataclass(frozen=True)
class _Found:
    """A result in the output: its sidecar as bytes and as read, the URIs of its files by folder, and its stem."""

    sidecar: SidecarRecord
    sidecar_uri: str
    sidecar_sha256: str
    uris: dict[str, str]
    stem: str


def recognise(batch: BatchContext, ledger: Ledger, context: TaskContext, unknown: Iterable[InboxRecord]) -> int:
    """Return how many of some scans without an outcome have an intact result in the output; these are recorded.

    A result counts when its sidecar names this path and these bytes, and every file that it names is there unchanged.

    Raises:
        StoreUnavailable: the store did not answer.
    """
    if not storage.exists(batch.output_uri("sidecars")):
        return 0
    count = 0
    for one in unknown:
        found = _find(batch, one)
        if found is not None:
            with ledger.write() as session:
                _record(session, batch, context, one, found)
            logger.info("stage=receive decision=recognised scan=%s: %s", quoted(one.path), MESSAGE)
            count += 1
    return count


def _find(batch: BatchContext, one: InboxRecord) -> _Found | None:
    """Return the intact result of a scan in the output, None without one."""
    for stem in publications.candidates(one.path):
        uri = batch.output_uri("sidecars", f"{stem}.json")
        try:
            data = storage.read_bytes(uri)
        except (FileNotFoundError, PermissionError):
            return None
        found = read_sidecar(data)
        if found is None or found.path != one.path:
            # The name belongs to another path, so this one's is the next.
            continue
        if found.sha256 != one.sha256 or found.run["batch"] == batch.name:
            return None
        uris = {folder: batch.output_uri(folder, f"{stem}.png") for folder in found.files}
        if found.restored_path:
            uris["restored"] = batch.output_uri(found.restored_path)
        if "access" in uris:
            uris["access"] = access_uri(batch, stem)
        if all(_is_intact(uris[folder], sha256) for folder, sha256 in found.files.items()):
            return _Found(found, uri, hashlib.sha256(data).hexdigest(), uris, stem)
        return None
    return None


def _is_intact(uri: str, sha256: str) -> bool:
    try:
        return storage.sha256(uri) == sha256
    except FileNotFoundError:
        return False


def _record(session: Session, batch: BatchContext, context: TaskContext, one: InboxRecord, found: _Found) -> None:
    """Record a scan and its outcome as the batch that made it would have done."""
    collection, sidecar = batch.collection.name, found.sidecar
    scan_id = scans.record(session, one.ledger_scan(collection))
    publications.reserve(session, collection, one.path, scan_id, found.stem)
    maker = _batch_of(session, batch, sidecar)
    outcomes.record(
        session,
        scan_id=scan_id,
        recipe_digest=sidecar.recipe_digest,
        batch_id=maker,
        outcome=sidecar.outcome,
        figures=dict(sidecar.figures),
        mask_given=_companions(one, sidecar),
        restored_uri=found.uris.get("restored", ""),
        restored_sha256=sidecar.files.get("restored", ""),
        restored_bytes=sidecar.restored_bytes,
        mask_uri=found.uris.get("masks", ""),
        mask_sha256=sidecar.files.get("masks", ""),
        suggested_uri=found.uris.get("suggestions", ""),
        suggested_sha256=sidecar.files.get("suggestions", ""),
        access_uri=found.uris.get("access", ""),
        access_sha256=sidecar.files.get("access", ""),
        sidecar_uri=found.sidecar_uri,
        sidecar_sha256=found.sidecar_sha256,
        code_version=str(sidecar.run["code_version"]),
        recorded=sidecar.published,
    )
    reviews.enqueue(
        session,
        scan_id=scan_id,
        recipe_digest=sidecar.recipe_digest,
        batch_id=maker,
        collection=collection,
        outcome=sidecar.outcome,
        marks=int(sidecar.figures.get("suggested") or 0),
        estimate=sidecar.figures.get("psnr", sidecar.figures.get("estimate_psnr")),
        kinds=json.loads(sidecar.figures.get("suggested_kinds") or "{}"),
        reasons=json.loads(sidecar.figures.get("suggested_reasons") or "{}"),
        recorded=sidecar.published,
    )
    figures = {"batch": sidecar.run["batch"], "outcome": str(sidecar.outcome)}
    event = events.EventRecord(scan_id, "receive", str(EventType.FIXITY), "recognised", MESSAGE, figures)
    events.append(session, batch.batch_id, context, [event])


def _companions(one: InboxRecord, sidecar: SidecarRecord) -> str:
    """Return fingerprint and digest of the companion files that were used; those of now where they are the same."""
    if sidecar.companions is None:
        return "unknown unknown"
    return one.mask_given if one.mask_given.partition(" ")[2] == sidecar.companions else f" {sidecar.companions}"


def _batch_of(session: Session, batch: BatchContext, sidecar: SidecarRecord) -> int:
    """Return the id of the batch that made a result; one that the ledger does not know is recorded as done."""
    values: dict[str, Any] = {
        "inbox": batch.inbox,
        "output": batch.output,
        "recipe": dict(sidecar.recipe),
        "recipe_digest": sidecar.recipe_digest,
        "engine": str(sidecar.recipe.get("engine", "")),
        "engine_digest": "",
        "code_version": str(sidecar.run["code_version"]),
        "dag_id": str(sidecar.run.get("dag_id", "")),
        "run_id": str(sidecar.run.get("run_id", "")),
        "host": str(sidecar.run.get("host", "")),
        "started": sidecar.started,
        "finished": sidecar.published,
    }
    return batches.record_done(session, batch.collection.name, str(sidecar.run["batch"]), values).id
