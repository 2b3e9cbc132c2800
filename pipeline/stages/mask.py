"""Masks: painted ones first, else what the detector finds; and the decision what to do with each scan."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import scans, storage
from pipeline.damage import Detection, Detector, read_mask
from pipeline.ledger import TaskContext
from pipeline.scans import Scan
from pipeline.settings import Level
from pipeline.stages import pixels
from pipeline.stages.loaded import detector_of
from pipeline.stages.manifest import Row
from pipeline.stages.run import Progress, Run

# Explanations kept per scan, the largest pieces first; a dusty plate has tens of thousands.
MOST_COMPONENTS = 200


def mask(chunk: str, context: TaskContext | None = None, *, progress: Progress | None = None) -> str:
    """Returns the URI of the chunk's manifest with a mask and a decision for every scan.

    Decisions: `fill`, `unchanged` (nothing to repair), `review` (a person must look first), `quarantined`, `failed`.

    Raises:
        StoreUnavailable: try again.
        ConfigurationError: the detector is not the one with which the batch began.
    """
    run = Run(chunk, "mask", "masked", context or TaskContext(), progress)
    if run.finished:
        return run.target
    detector = detector_of(run.work)
    for row in run.rows:
        if row["reason"]:
            row["decision"] = "quarantined"
    for row in run.open_rows():
        run.attempt(row, _finder(run, detector))
    return run.save()


def _finder(run: Run, detector: Detector) -> Callable[[Row], Row]:
    """Returns what finds the damage on one scan."""

    def find(row: Row) -> Row:
        scan = pixels.master(row)
        found = _painted(row, scan) if row["mask_given_uri"] else _detected(run, detector, scan)
        mask: NDArray[np.uint8] = found.pop("mask")
        found["coverage"] = float(np.count_nonzero(mask)) / mask.size
        if mask.any():
            found["mask_uri"] = run.work.place("masks", f"{row['scan_id']}.png")
            pixels.write_mask(found["mask_uri"], mask)
        return found

    return find


def _painted(row: Row, scan: Scan) -> dict[str, Any]:
    """Returns the columns of a scan whose mask was painted by a person, whatever its size: a person has looked."""
    data = storage.read_bytes(row["mask_given_uri"])
    name = row["mask_given_uri"].rpartition("/")[2]
    given = read_mask(data, scan.pixels.shape[:2], scan.info.orientation, name)
    return {
        "mask": given.mask,
        "mask_source": "manual",
        "mask_note": given.note,
        "decision": "fill" if given.mask.any() else "unchanged",
    }


def _detected(run: Run, detector: Detector, scan: Scan) -> dict[str, Any]:
    """Returns the columns of a scan whose damage was looked for."""
    recipe = run.work.collection.recipe
    detection: Detection = detector.detect(
        scans.visible(scan),
        sensitivity=recipe.sensitivity,
        dilate=recipe.dilate,
        max_coverage=recipe.max_coverage,
    )
    to_fill = detection.suggest if recipe.level is Level.SUGGEST else detection.repair
    doubtful = sum(1 for one in detection.components if one.level == "suggest")
    note = ""
    if doubtful and recipe.level is Level.REPAIR:
        note = f"{doubtful} doubtful " + (
            "place was left as it is" if doubtful == 1 else "places were left as they are"
        )
    found = {
        "mask_source": "none" if detector.name == "none" else "detector",
        "mask_note": note,
        "components": len(detection.components),
        "components_json": json.dumps([asdict(one) for one in detection.components[:MOST_COMPONENTS]]),
    }
    if detection.review:
        return found | {"mask": detection.suggest, "decision": "review", "review_reason": detection.review}
    return found | {"mask": to_fill, "decision": "fill" if to_fill.any() else "unchanged"}
