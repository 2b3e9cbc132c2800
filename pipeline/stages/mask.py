"""Masks: what is painted and what is found, put together; and the decision what to do with each scan."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict

import numpy as np

from pipeline import storage
from pipeline.detection.types import Detector
from pipeline.ledger import TaskContext
from pipeline.masks.compose import compose_mask
from pipeline.masks.given_masks import read_given_masks
from pipeline.stages import artifacts
from pipeline.stages.chunk_stage import ChunkStage, Progress
from pipeline.stages.manifest import Row
from pipeline.stages.models import detector_of

# Explanations kept per scan: pieces that a guard held back, then the largest; a dusty plate has tens of thousands.
MOST_COMPONENTS = 200


def mask(chunk: str, context: TaskContext | None = None, *, progress: Progress | None = None) -> str:
    """Return the URI of the chunk's manifest with a mask and a decision for every scan.

    Decisions: `fill`, `unchanged` (nothing to repair), `review` (a person must look first), `quarantined`, `failed`.

    Raises:
        OutputNotWritable: no new chunk is begun while the output is nearly full, or refuses writes.
        StoreUnavailable: try again.
        ConfigurationError: the detector is not the one with which the batch began.
    """
    run = ChunkStage(chunk, "mask", "masked", context or TaskContext(), progress)
    if run.finished:
        return run.target
    if storage.scheme(run.batch.output) == "file":
        # Only a disk can be nearly full; a bucket would be asked for nothing, and a killed probe would stay there.
        storage.check_writable(run.batch.output)
    detector = detector_of(run.batch)
    for row in run.rows:
        if row["reason"]:
            row["decision"] = "quarantined"
    for row in run.open_rows():
        run.attempt(row, _finder(run, detector))
    return run.save()


def _finder(run: ChunkStage, detector: Detector) -> Callable[[Row], Row]:
    """Return what finds the damage on one scan."""
    recipe = run.batch.collection.recipe

    def find(row: Row) -> Row:
        scan = artifacts.read_master(row)
        given = read_given_masks(scan, recipe, row["mask_given_uri"], row["protect_uri"], row["infrared_uri"])
        marks = compose_mask(scan, recipe, detector, uri=row["uri"], given=given)
        mask = marks.suspected if marks.review else marks.fill
        found: Row = {
            "mask_source": marks.source,
            "mask_note": "; ".join(marks.notes),
            "components": len(marks.components),
            "components_json": json.dumps([asdict(one) for one in marks.components[:MOST_COMPONENTS]]),
            "kinds": json.dumps(marks.kinds) if marks.components else "",
            "held": json.dumps(marks.suppressed) if marks.suppressed else "",
            "suggested": marks.skipped.count,
            "suggested_share": marks.skipped.share,
            "suggested_kinds": json.dumps(marks.skipped.kinds) if marks.skipped.kinds else "",
            "coverage": float(np.count_nonzero(mask)) / mask.size,
            "review_reason": marks.review or "",
            "decision": "review" if marks.review else "fill" if mask.any() else "unchanged",
        }
        if mask.any():
            found["mask_uri"] = run.batch.work_uri("masks", f"{row['scan_id']}.png")
            artifacts.write_mask(found["mask_uri"], mask)
        if marks.suspected.any():
            found["levels_uri"] = run.batch.work_uri("masks", f"{row['scan_id']}.levels.png")
            artifacts.write_mask(found["levels_uri"], marks.levels)
        if marks.skipped.count:
            found["suggested_uri"] = run.batch.work_uri("masks", f"{row['scan_id']}.suggested.png")
            artifacts.write_mask(found["suggested_uri"], marks.skipped.mask)
        return found

    return find
