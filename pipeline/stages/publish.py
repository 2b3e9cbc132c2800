"""Publish the scans of a chunk: check them, write derivative, masks and sidecar, and record the outcome last."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from pipeline import metrics, scans, storage
from pipeline.escape import quoted
from pipeline.imaging.mapped import releasing
from pipeline.ledger import Outcome, TaskContext, batches, claims, events, outcomes, reviews
from pipeline.ledger import scans as seen
from pipeline.ledger.outcome_files import DESCRIBED
from pipeline.ledger.rows import now
from pipeline.ledger.tables import OutcomeRow
from pipeline.masks.encode import encode_mask
from pipeline.provenance import sidecar as sidecars
from pipeline.provenance.credentials import is_configured
from pipeline.provenance.events import EventType
from pipeline.scans import Scan
from pipeline.scans.carried import compare
from pipeline.scans.xmp_disclosure import Disclosure
from pipeline.stages import artifacts, manifest, occupied, previews
from pipeline.stages.access import make_access_copy, publish_access_copy
from pipeline.stages.batch import BatchContext, InputVanished
from pipeline.stages.chunk_stage import ChunkStage, Progress
from pipeline.stages.cleanup import WITHDRAWN
from pipeline.stages.credentials import keep_master_credentials, publish_credentials, signed_copy
from pipeline.stages.derivative_note import disclosure, with_disclosure
from pipeline.stages.iiif import publish_manifest
from pipeline.stages.metadata_list import in_full
from pipeline.stages.order import Stage
from pipeline.stages.published_files import PublishedFiles, copy_recorded
from pipeline.stages.quarantine import quarantine
from pipeline.stages.scan_row import Inpainted, Masked, Measured, ScanRow, Stopped, failed, figures

# Extensions of derivatives.
DERIVATIVES = (".tif", ".png")
# The outcome of each decision, once its files are written.
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
        StoreUnavailable: a retry may succeed; what is already published is recognised.
        InputVanished: the batch was finished or given up meanwhile.
    """
    stage = ChunkStage(chunk, Stage.PUBLISH, context, progress)
    if stage.finished:
        return stage.target
    publisher = _Publisher(stage)
    for row, files in stage.in_order(stage.rows, publisher.write):
        publisher.commit(row, files)
    manifest.write(stage.target, stage.rows)
    return stage.target


def _find_recorded(session: Session, batch: BatchContext, row: ScanRow) -> OutcomeRow | None:
    """Return the outcome that another attempt of this task has recorded, or None."""
    found = outcomes.of_scans(session, batch.recipe_digest, [row.scan_id]).get(row.scan_id)
    return found if found is not None and found.batch_id == batch.batch_id else None


class _Publisher:
    """Publishes the scans of one chunk."""

    def __init__(self, stage: ChunkStage) -> None:
        self.stage, self.batch = stage, stage.batch

    def write(self, row: ScanRow) -> PublishedFiles | OutcomeRow:
        """Return a scan's files once they are written, or the outcome that another attempt has recorded."""
        with self.stage.ledger.read() as session:
            outcome = _find_recorded(session, self.batch, row)
        if outcome is not None:
            return outcome
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
        return files

    def commit(self, row: ScanRow, files: PublishedFiles | OutcomeRow) -> None:
        """Record a scan's outcome; scans of a chunk are recorded one by one, in their order."""
        if isinstance(files, OutcomeRow):
            copy_recorded(row, files)
            if files.sidecar_uri:
                occupied.written(self.batch, row)
        else:
            self._commit(row, files)
        self.stage.tick()

    def _write(self, row: ScanRow, files: PublishedFiles) -> Stopped | None:
        """Write derivative, masks, previews and sidecar of a scan; return why it may not be published, or None."""
        scan = artifacts.read_master(row)
        artifacts.check_unchanged(row)
        mask = artifacts.read_mask(row.mask_uri) if row.mask_uri else None
        suggested = artifacts.read_mask(row.suggested_uri) if row.suggested_uri else None
        after = None
        if files.outcome is Outcome.RESTORED:
            assert mask is not None
            after = self._fill(row, scan, mask)
            if not metrics.fidelity(scan.pixels, after, mask).outside_identical:
                return failed("outside-changed", "pixels outside the mask would have changed: not published")
        uris = self._uris(row, scan, mask, suggested, derived=after is not None)
        if refused := occupied.refuse_foreign(self.batch, self.stage.ledger, row, uris):
            return refused
        if mask is not None:
            files.mask_uri, files.mask_sha256 = self._write_mask(row, "masks", mask)
        if suggested is not None:
            files.suggested_uri, files.suggested_sha256 = self._write_mask(row, "suggestions", suggested)
        levels = artifacts.read_mask(row.levels_uri) if row.levels_uri else artifacts.combine_levels(mask, suggested)
        previews.write_previews(self.batch, row.scan_id, scan, levels, after, stem=row.output_path)
        if after is not None:
            # Encoding needs twice the memory of a scan, and the master and its masks are not needed any more.
            scan, after, mask, suggested, levels = replace(scan, pixels=after), None, None, None, None
            extension = scans.output_extension(scan)
            said = self._disclosure(row)
            scan = with_disclosure(scan, said)
            data, items = scans.encode_and_read(scan, extension)
            files.carried = compare(scan.carried, items)
            files.restored_uri = self.batch.output_uri("restored", row.output_path + extension)
            with releasing(data):
                files.restored_sha256, files.restored_bytes = hashlib.sha256(data).hexdigest(), len(data)
                storage.write_bytes(files.restored_uri, memoryview(data))
            if copy := make_access_copy(self.batch, scan, said):
                files.access = publish_access_copy(self.batch, row.output_path, signed_copy(copy, row, said))
                files.access_uri, files.access_sha256 = files.access.uri, files.access.sha256
            self._sign(row, files, said)
            for uri in json.loads(row.xmp_json or "[]"):
                self._copy_xmp(row, uri, files.restored_uri)
        files.sidecar = self._sidecar(row, files)
        files.sidecar_uri = self.batch.output_uri("sidecars", f"{row.output_path}.json")
        files.sidecar_sha256 = hashlib.sha256(files.sidecar).hexdigest()
        storage.write_bytes(files.sidecar_uri, files.sidecar)
        one = self.batch.collection
        publish_manifest(one.iiif, self.batch.output, one.language, row.output_path, json.loads(files.sidecar))
        return None

    def _uris(
        self, row: ScanRow, scan: Scan, mask: NDArray[np.uint8] | None, suggested: NDArray[np.uint8] | None, *,
        derived: bool,
    ) -> list[str]:  # fmt: skip
        """Return the URIs of the files that a scan gets.

        Args:
            derived: it gets a derivative.
        """
        names = [f"sidecars/{row.output_path}.json"]
        names += [f"masks/{row.output_path}.png"] if mask is not None else []
        names += [f"suggestions/{row.output_path}.png"] if suggested is not None else []
        names += [f"restored/{row.output_path}{scans.output_extension(scan)}"] if derived else []
        names += [f"access/{row.output_path}.jpg"] if derived and self.batch.collection.access else []
        names += [f"restored/{row.output_path}.c2pa"] if derived and is_configured() else []
        return [self.batch.output_uri(name) for name in names]

    def _sign(self, row: ScanRow, files: PublishedFiles, said: Disclosure) -> None:
        """Sign a derivative, and keep what its master is signed with; a problem is noted and costs no picture."""
        files.master_credentials = keep_master_credentials(self.batch, row)
        files.credentials = signed = publish_credentials(self.batch, row, files.restored_uri, said)
        notes = [row.notes] if row.notes else []
        if files.master_credentials:
            notes.append(f"the master's own content credentials are kept in {files.master_credentials.path}")
        if signed and signed.problem:
            self.stage.logger.warning("stage=publish scan=%s not signed: %s", quoted(row.path), signed.problem)
            notes.append(f"no content credentials: {signed.problem}")
        elif signed:
            files.credentials_uri, files.credentials_sha256 = signed.uri or "", signed.sha256 or ""
        row.notes = "; ".join(notes)

    def _copy_xmp(self, row: ScanRow, uri: str, restored_uri: str) -> None:
        """Copy the metadata beside a scan beside its derivative, under the name by which programs will look for it.

        What is there already stays: a person may have edited it since.
        """
        # `photo.tif.xmp` is the form of darktable and others, `photo.xmp` that of Adobe. Where the latter would be the
        # former of another derivative, as that of `photo.png.png` is of `photo.png`, there is only one form.
        stem = restored_uri.rpartition(".")[0]
        whole = Path(uri).stem.lower() == Path(row.uri).name.lower() or Path(stem).suffix.lower() in DERIVATIVES
        target = f"{restored_uri if whole else stem}.xmp"
        if storage.exists(target):
            return
        try:
            storage.copy(uri, target)
        except (FileNotFoundError, PermissionError) as error:
            self.stage.logger.warning("stage=publish scan=%s xmp was not copied: %s", quoted(row.path), error)

    def _write_mask(self, row: ScanRow, folder: str, mask: NDArray[np.uint8]) -> tuple[str, str]:
        """Write a mask below the collection's output; return its URI and sha256."""
        data = encode_mask(mask)
        uri = self.batch.output_uri(folder, f"{row.output_path}.png")
        storage.write_bytes(uri, data)
        return uri, hashlib.sha256(data).hexdigest()

    def _remove_superseded(self, row: ScanRow, files: PublishedFiles) -> None:
        """Remove derivatives and masks that this path had with another recipe, mask or content, and has no longer.

        A file that was changed since it was published is kept, and so is what a person has withdrawn.
        """
        with self.stage.ledger.read() as session:
            current = [getattr(files, uri.key) for _, uri, _ in DESCRIBED]
            old = outcomes.superseded(session, self.batch.collection.name, row.path, current)
        withdrawn = self.batch.output_uri(WITHDRAWN) + "/"
        for uri, sha256 in old.items():
            if uri.startswith(withdrawn):
                continue
            try:
                if storage.sha256(uri) == sha256:
                    storage.delete(uri)
                    self.stage.logger.info("scan=%s stage=publish removed=%s", quoted(row.path), quoted(uri))
            except FileNotFoundError:
                continue

    def _disclosure(self, row: ScanRow) -> Disclosure:
        """Return what a derivative says of itself."""
        return disclosure(
            sha256=row.sha256,
            share=row.coverage,
            source=row.mask_source,
            engine=row.engine,
            digest=row.engine_digest,
            recipe=self.batch.recipe_digest,
            language=self.batch.collection.language,
        )

    def _fill(self, row: ScanRow, scan: Scan, mask: NDArray[np.uint8]) -> NDArray[Any]:
        """Return the pixels of a derivative, from a new fill or from an earlier scan of the same bytes.

        Raises:
            LookupError: the earlier result is not in the ledger any more.
            ValueError: the earlier result was changed since it was published.
        """
        if row.filled_uri:
            return artifacts.apply_fill(scan.pixels, mask, row.filled_uri)
        with self.stage.ledger.read() as session:
            duplicate = seen.find_duplicate(session, self.batch.collection.name, row.sha256, self.batch.recipe_digest)
        if duplicate is None:
            raise LookupError(f"the result of {row.same_as} is not in the ledger any more")
        data = storage.read_bytes(duplicate[1].restored_uri)
        if hashlib.sha256(data).hexdigest() != duplicate[1].restored_sha256:
            raise ValueError(f"{duplicate[1].restored_uri} was changed since it was published; run again with redo")
        return scans.decode(data, row.path).pixels

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
            metadata=in_full(files.carried) if files.carried else None,
            access=files.access,
            credentials=files.credentials,
            master_credentials=files.master_credentials,
        )

    def _enqueue(self, session: Session, row: ScanRow, files: PublishedFiles) -> None:
        """Ask people about the result where something is open."""
        known = [value for value in (row.psnr, row.estimate_psnr) if value == value]
        reviews.enqueue(
            session,
            scan_id=row.scan_id,
            recipe_digest=self.batch.recipe_digest,
            batch_id=self.batch.batch_id,
            collection=self.batch.collection.name,
            outcome=files.outcome,
            marks=row.suggested or 0,
            estimate=known[0] if known else None,
            kinds=json.loads(row.suggested_kinds or "{}"),
            reasons=json.loads(row.suggested_reasons or "{}"),
        )

    def _commit(self, row: ScanRow, files: PublishedFiles) -> None:
        """Record the outcome and its event in one transaction; after it the scan is done."""
        found = figures(row, Masked, Inpainted, Measured)
        if row.metadata:
            found["metadata"] = row.metadata
        with self.stage.ledger.write() as session:
            state = batches.get(session, self.batch.collection.name, self.batch.name).state
            repeated = _find_recorded(session, self.batch, row) is not None
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
            self._enqueue(session, row, files)
            if repeated and files.sidecar:
                # The attempt that commits last must also write last, so that the ledger has the digest of its sidecar.
                storage.write_bytes(files.sidecar_uri, files.sidecar)
            events.append(session, self.batch.batch_id, self.stage.context, self._events(row, files, repeated))
            claims.release(session, self.batch.batch_id, [row.scan_id])
        # Of a failed scan some files may be written: its next attempt must know them as the program's own.
        if files.sidecar_uri:
            occupied.written(self.batch, row)
        if state != batches.BatchState.RUNNING:
            # The outcome is recorded first, because this attempt has overwritten the files that it describes.
            raise InputVanished(f"batch {self.batch.name} was finished or given up meanwhile")
        self.stage.log(row, str(files.outcome), row.publish_seconds)

    def _events(self, row: ScanRow, files: PublishedFiles, repeated: bool) -> list[events.EventRecord]:
        """Return the events of publishing a scan; a second attempt publishes the same, which counts as a repetition."""
        records = []
        if files.sidecar_uri:
            records.append(events.EventRecord(row.scan_id, "publish", str(EventType.FIXITY), "master intact"))
        decision = "repeated" if repeated else str(files.outcome)
        event = self.stage.event(row, decision, row.publish_seconds)
        # So that the chain of events bears witness to every file that was published.
        files_digests = {name: value for name, value in files.recorded().items() if name.endswith("_sha256") and value}
        records.append(replace(event, figures=event.figures | files_digests))
        return records
