"""Find the damage on the scans of a chunk, and decide what to do with each scan."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np

from pipeline import storage
from pipeline.detection.types import Detector
from pipeline.imaging.types import Mask
from pipeline.ledger import Outcome, TaskContext
from pipeline.masks.compose import compose_mask
from pipeline.masks.given_masks import read_given_masks
from pipeline.runtime.memory import release_networks
from pipeline.stages import artifacts
from pipeline.stages.batch import BatchContext
from pipeline.stages.chunk_stage import ChunkStage, Progress
from pipeline.stages.models import detector_of
from pipeline.stages.order import Stage
from pipeline.stages.scan_row import Masked, ScanRow

# Explanations kept per scan: components held back by guards, then the largest; a dusty plate has tens of thousands.
MOST_COMPONENTS = 200


def mask(chunk: str, context: TaskContext | None = None, *, progress: Progress | None = None) -> str:
    """Return the URI of the chunk's manifest with a mask and a decision for every scan.

    Decisions: `fill`, `unchanged` (nothing to repair), `review` (a person must look first), `quarantined`, `failed`.

    Raises:
        OutputNotWritable: the output is nearly full, or refuses writes; no new chunk is started.
        StoreUnavailable: a store did not answer; a retry may succeed.
        ConfigurationError: the detector is not the one with which the batch began.
    """
    stage = ChunkStage(chunk, Stage.MASK, context, progress)
    if stage.finished:
        return stage.target
    if storage.scheme(stage.batch.output) == "file":
        # Only a disk can be nearly full, and a probe in a bucket would stay there if the task was killed.
        storage.check_writable(stage.batch.output)
    detector = detector_of(stage.batch)
    for row in stage.rows:
        if row.is_stopped:
            row.decision = str(Outcome.QUARANTINED)
    stage.process_rows(stage.rows_to_process(), lambda row: _find_damage(row, stage.batch, detector))
    release_networks()
    return stage.save()


def _find_damage(row: ScanRow, batch: BatchContext, detector: Detector) -> Masked:
    """Return what is marked on one scan, after writing its masks to the work area."""
    recipe = batch.collection.recipe
    scan = artifacts.read_master(row)
    given = read_given_masks(
        scan, recipe, row.mask_given_uri, row.protect_uri, row.infrared_uri, lambda: _published_marks(row, batch)
    )
    marks = compose_mask(scan, recipe, detector, uri=row.uri, given=given)
    mask = marks.suspected if marks.review else marks.fill
    found = Masked(
        mask_source=marks.source,
        mask_note="; ".join(filter(None, (row.given_note, *marks.notes))),
        coverage=float(np.count_nonzero(mask)) / mask.size,
        components=len(marks.components),
        components_json=json.dumps([asdict(one) for one in marks.components[:MOST_COMPONENTS]]),
        kinds=json.dumps(marks.kinds) if marks.components else "",
        held=json.dumps(marks.held) if marks.held else "",
        suggested=marks.skipped.count,
        suggested_share=marks.skipped.share,
        suggested_kinds=json.dumps(marks.skipped.kinds) if marks.skipped.kinds else "",
        suggested_reasons=json.dumps(marks.skipped.reasons) if marks.skipped.reasons else "",
        decision="review" if marks.review else "fill" if mask.any() else "unchanged",
        review_reason=marks.review or "",
    )
    if mask.any():
        found.mask_uri = batch.work_uri("masks", f"{row.scan_id}.png")
        artifacts.write_mask(found.mask_uri, mask)
    if marks.suspected.any():
        found.levels_uri = batch.work_uri("masks", f"{row.scan_id}.levels.png")
        artifacts.write_mask(found.levels_uri, marks.levels)
    if marks.skipped.count:
        found.suggested_uri = batch.work_uri("masks", f"{row.scan_id}.suggested.png")
        artifacts.write_mask(found.suggested_uri, marks.skipped.mask)
    return found


def _published_marks(row: ScanRow, batch: BatchContext) -> Mask | None:
    """Return what was published as filled or suggested for a scan (H,W); None without any of its size."""
    found: Mask | None = None
    for folder in ("masks", "suggestions"):
        try:
            marks = artifacts.read_mask(batch.output_uri(folder, f"{row.output_path}.png"))
        except FileNotFoundError:
            continue
        if marks.shape == (row.height, row.width):
            found = marks if found is None else np.maximum(found, marks)
    return found
