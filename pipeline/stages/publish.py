"""Publishing: the last checks, then derivative, masks and sidecar, each whole, and at the very end the outcome."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from pipeline import metrics, scans, storage
from pipeline.escape import quoted
from pipeline.ledger import Outcome, TaskContext, batches, claims, events, outcomes
from pipeline.ledger import scans as seen
from pipeline.ledger.rows import now
from pipeline.ledger.tables import OutcomeRow
from pipeline.masks.encode import encode_mask
from pipeline.provenance import sidecar as sidecars
from pipeline.provenance.events import EventType
from pipeline.scans import Scan
from pipeline.stages import artifacts, manifest, previews
from pipeline.stages.batch import BatchContext, InputVanished
from pipeline.stages.chunk_stage import ChunkStage, Progress
from pipeline.stages.order import Stage
from pipeline.stages.published_files import PublishedFiles, copy_recorded
from pipeline.stages.quarantine import quarantine
from pipeline.stages.scan_row import Inpainted, Masked, Measured, ScanRow, Stopped, failed, figures

OUTCOMES = {
    "fill": Outcome.RESTORED,
    "unchanged": Outcome.UNCHANGED,
    "review": Outcome.REVIEW,
    "quarantined": Outcome.QUARANTINED,
    "failed": Outcome.FAILED,
}


def publish(chunk: str, context: TaskContext | None = None, *, progress: Progress | None = None) -> str:
    """Return the URI of the chunk's manifest with an outcome for every scan.

    Each scan's outcome is committed to the ledger after all its files are written, in one transaction with its event.

    Raises:
        StoreUnavailable: try again; what is published already is recognised.
    """
    stage = ChunkStage(chunk, Stage.PUBLISH, context, progress)
    if stage.finished:
        return stage.target
    publisher = _Publisher(stage)
    for row in stage.rows:
        with stage.ledger.read() as session:
            outcome = _recorded(session, stage.batch, row)
        if outcome is not None:
            copy_recorded(row, outcome)
            stage.tick()
        else:
            publisher.publish(row)
    manifest.write(stage.target, stage.rows)
    return stage.target


def _recorded(session: Session, batch: BatchContext, row: ScanRow) -> OutcomeRow | None:
    """Return what another try of this task, dead or thought dead, has published, or None."""
    found = outcomes.of_scans(session, batch.recipe_digest, [row.scan_id]).get(row.scan_id)
    return found if found is not None and found.batch_id == batch.batch_id else None


class _Publisher:
    """Publishes the scans of one chunk."""

    def __init__(self, stage: ChunkStage) -> None:
        self.stage, self.batch = stage, stage.batch

    def publish(self, row: ScanRow) -> None:
        """Write a scan's files, then its outcome."""
        started = time.perf_counter()
        files = PublishedFiles(OUTCOMES[row.decision or "failed"])
        if files.outcome in (Outcome.RESTORED, Outcome.UNCHANGED, Outcome.REVIEW):
            stopped = self.stage.guarded(row, lambda: self._write(row, files))
            if stopped is not None:
                row.update(stopped)
                files = PublishedFiles(OUTCOMES[row.decision])
            else:
                self._remove_superseded(row, files)
        if files.outcome is Outcome.QUARANTINED:
            stopped = self.stage.guarded(row, lambda: quarantine(self.batch, row))
            if stopped is not None:
                row.update(stopped)
        row.update(files.columns())
        row.publish_seconds = time.perf_counter() - started
        self._commit(row, files)
        self.stage.tick()

    def _write(self, row: ScanRow, files: PublishedFiles) -> Stopped | None:
        """Write derivative, masks, previews and sidecar of a scan; return why it may not be published, or None."""
        scan = artifacts.read_master(row)
        artifacts.check_unchanged(row)
        mask = artifacts.read_mask(row.mask_uri) if row.mask_uri else None
        suggested = artifacts.read_mask(row.suggested_uri) if row.suggested_uri else None
        data, after = b"", None
        if files.outcome is Outcome.RESTORED:
            assert mask is not None
            data, after = self._derivative(row, scan, mask)
            if not metrics.fidelity(scan.pixels, after, mask).outside_identical:
                return failed("outside-changed", "pixels outside the mask would have changed: not published")
        if mask is not None:
            files.mask_uri, files.mask_sha256 = self._mask(row, "masks", mask)
        if suggested is not None:
            files.suggested_uri, files.suggested_sha256 = self._mask(row, "suggestions", suggested)
        levels = artifacts.read_mask(row.levels_uri) if row.levels_uri else artifacts.combine_levels(mask, suggested)
        previews.write_previews(self.batch, row.scan_id, scan, levels, after)
        if after is not None:
            # Encoding takes twice as much memory as a scan: the master and its masks are not needed any more.
            scan, after, mask, suggested, levels = replace(scan, pixels=after), None, None, None, None
            extension = scans.output_extension(scan)
            data = data or scans.encode(scan, extension)
            files.restored_uri = self.batch.output_uri("restored", row.output_path + extension)
            files.restored_sha256, files.restored_bytes = hashlib.sha256(data).hexdigest(), len(data)
            storage.write_bytes(files.restored_uri, data)
        files.sidecar = self._sidecar(row, files)
        files.sidecar_uri = self.batch.output_uri("sidecars", f"{row.output_path}.json")
        files.sidecar_sha256 = hashlib.sha256(files.sidecar).hexdigest()
        storage.write_bytes(files.sidecar_uri, files.sidecar)
        return None

    def _mask(self, row: ScanRow, folder: str, mask: NDArray[np.uint8]) -> tuple[str, str]:
        """Write a mask below the collection's output; return its URI and sha256."""
        data = encode_mask(mask)
        uri = self.batch.output_uri(folder, f"{row.output_path}.png")
        storage.write_bytes(uri, data)
        return uri, hashlib.sha256(data).hexdigest()

    def _remove_superseded(self, row: ScanRow, files: PublishedFiles) -> None:
        """Remove derivatives and masks that another recipe, mask or file left for this path, and that it has no more.

        Only what is there exactly as it was published: what somebody has changed since is no longer ours.
        """
        with self.stage.ledger.read() as session:
            current = (files.restored_uri, files.mask_uri, files.suggested_uri)
            old = outcomes.superseded(session, self.batch.collection.name, row.path, current)
        for uri, sha256 in old.items():
            try:
                if storage.sha256(uri) == sha256:
                    storage.delete(uri)
                    self.stage.logger.info("scan=%s stage=publish removed=%s", quoted(row.path), quoted(uri))
            except FileNotFoundError:
                continue

    def _derivative(self, row: ScanRow, scan: Scan, mask: NDArray[np.uint8]) -> tuple[bytes, NDArray[Any]]:
        """Return the derivative's file and pixels: those of the same bytes under another name, or new ones.

        New pixels are not encoded yet: their file is empty.
        """
        if row.filled_uri:
            return b"", artifacts.apply_fill(scan.pixels, mask, row.filled_uri)
        with self.stage.ledger.read() as session:
            duplicate = seen.find_duplicate(session, self.batch.collection.name, row.sha256, self.batch.recipe_digest)
        if duplicate is None:
            raise LookupError(f"the result of {row.same_as} is not in the ledger any more")
        data = storage.read_bytes(duplicate[1].restored_uri)
        if hashlib.sha256(data).hexdigest() != duplicate[1].restored_sha256:
            raise ValueError(f"{duplicate[1].restored_uri} was changed since it was published; run again with redo")
        return data, scans.decode(data, row.path).pixels

    def _sidecar(self, row: ScanRow, files: PublishedFiles) -> bytes:
        output = None
        if files.restored_uri:
            path = files.restored_uri.removeprefix(self.batch.output).lstrip("/")
            output = sidecars.DerivativeFile(path, files.restored_uri, files.restored_sha256, files.restored_bytes)
        batch = self.batch
        return sidecars.sidecar(
            vars(row),
            outcome=files.outcome,
            recipe=batch.collection.recipe.model_dump(mode="json"),
            recipe_digest=batch.recipe_digest,
            run=sidecars.RunRecord(
                batch.collection.name,
                batch.name,
                batch.host,
                batch.code_version,
                self.stage.context,
                batch.started,
                now(),
            ),
            mask_uri=files.mask_uri,
            mask_sha256=files.mask_sha256,
            suggested_uri=files.suggested_uri,
            suggested_sha256=files.suggested_sha256,
            output=output,
        )

    def _commit(self, row: ScanRow, files: PublishedFiles) -> None:
        """Write the outcome and its event together; from here on the scan is done."""
        found = figures(row, Masked, Inpainted, Measured)
        with self.stage.ledger.write() as session:
            state = batches.get(session, self.batch.collection.name, self.batch.name).state
            repeated = _recorded(session, self.batch, row) is not None
            if state != batches.BatchState.RUNNING and not repeated:
                raise InputVanished(f"batch {self.batch.name} was finished or given up meanwhile")
            outcomes.record(
                session,
                scan_id=row.scan_id,
                recipe_digest=self.batch.recipe_digest,
                batch_id=self.batch.batch_id,
                reason=row.reason,
                message=row.message,
                figures=found,
                mask_given=row.mask_given,
                **files.recorded(),
                code_version=self.batch.code_version,
            )
            if repeated and files.sidecar:
                # Whoever commits last must have written last, or the ledger's digest would be of the other's sidecar.
                storage.write_bytes(files.sidecar_uri, files.sidecar)
            events.append(session, self.batch.batch_id, self.stage.context, self._events(row, files, repeated))
            claims.release(session, self.batch.batch_id, [row.scan_id])
        if state != batches.BatchState.RUNNING:
            # Recorded all the same: what this try has overwritten is what the ledger must tell of.
            raise InputVanished(f"batch {self.batch.name} was finished or given up meanwhile")
        self.stage.log(row, str(files.outcome), row.publish_seconds)

    def _events(self, row: ScanRow, files: PublishedFiles, repeated: bool) -> list[events.EventRecord]:
        """Return what happened; two tries at once publish the same, which is told as a repetition."""
        happened = []
        if files.sidecar_uri:
            happened.append(events.EventRecord(row.scan_id, "publish", str(EventType.FIXITY), "master intact"))
        decision = "repeated" if repeated else str(files.outcome)
        happened.append(self.stage.event(row, decision, row.publish_seconds))
        return happened
