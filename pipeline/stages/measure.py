"""Measure the filled scans of a chunk: against a known original, or by an estimate; and what changed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import metrics, scans
from pipeline.engines import Job, load_engine, paste
from pipeline.engines import inpaint as fill
from pipeline.engines.holdout_estimate import Sample, estimate, summarise
from pipeline.errors import UnreadableScan
from pipeline.imaging.mapped import releasing
from pipeline.ledger import TaskContext
from pipeline.runtime.memory import release_networks
from pipeline.scans import Scan
from pipeline.stages import artifacts
from pipeline.stages.chunk_stage import ChunkStage, Progress
from pipeline.stages.inpaint import holdout_seed
from pipeline.stages.models import engine_of
from pipeline.stages.order import Stage
from pipeline.stages.scan_row import Measured, ScanRow


def measure(chunk: str, context: TaskContext | None = None, *, progress: Progress | None = None) -> str:
    """Return the URI of the chunk's manifest with the figures of every scan that was filled.

    Raises:
        StoreUnavailable, MemoryError: a retry may succeed.
        ConfigurationError, WeightsError: the engine is not the one with which the batch began, or cannot be loaded.
    """
    stage = ChunkStage(chunk, Stage.MEASURE, context, progress)
    if stage.finished:
        return stage.target
    filled = (row for row in stage.rows_to_process() if row.filled_uri)
    stage.process_rows(filled, lambda row: _measure(row, stage))
    release_networks()
    return stage.save()


def _measure(row: ScanRow, stage: ChunkStage) -> Measured:
    """Return the figures of one scan."""
    scan = artifacts.read_master(row)
    mask = artifacts.read_mask(row.mask_uri)
    after = artifacts.apply_fill(scan.pixels, mask, row.filled_uri)
    original = _read_original(row, scan, stage)
    if original is not None:
        found = _compare(original, scans.colour(replace(scan, pixels=after)), scan, mask)
    else:
        found = _estimate(scan, mask, row, stage)
    change = metrics.fidelity(scan.pixels, after, mask)
    found.changed_share, found.outside_identical = change.changed_share, change.outside_identical
    with releasing(scan.pixels, after):
        found.seam = _seam(scan, after, mask)
    return found


def _read_original(row: ScanRow, scan: Scan, stage: ChunkStage) -> NDArray[np.float32] | None:
    """Return the known original (H,W,3) in 0..1; None without one, or when it cannot be read or has another size."""
    if not row.original_uri:
        return None
    try:
        original = scans.decode_isolated(row.original_uri)
    except UnreadableScan as error:
        # The scan itself is intact: it is estimated like one without an original.
        stage.logger.warning("original %s: cannot be read and was not used: %s", row.original_uri, error.message)
        return None
    if original.pixels.shape[:2] == scan.pixels.shape[:2]:
        # Both in the same tones; those of a scan of 16 bits say nothing about 8.
        same_depth = original.pixels.dtype == scan.pixels.dtype
        return scans.colour(replace(original, tones=scan.tones if same_depth else None))
    stage.logger.warning("original %s: has another size than the scan and was not used", row.original_uri)
    return None


def _compare(
    original: NDArray[np.float32], after: NDArray[np.float32], scan: Scan, mask: NDArray[np.uint8]
) -> Measured:
    """Return the figures against a known original, of the whole image and of the hole, and Telea's on the same mask."""
    before = scans.colour(scan)
    (telea,) = fill([Job("telea", before, mask)], load_engine("telea"))
    baseline = paste(before, mask, telea)
    return Measured(
        psnr=metrics.psnr(original, after, data_range=1.0),
        ssim=metrics.ssim(original, after, data_range=1.0),
        l1=metrics.l1(original, after, data_range=1.0),
        psnr_hole=metrics.psnr(original, after, data_range=1.0, mask=mask),
        ssim_hole=metrics.ssim(original, after, data_range=1.0, mask=mask),
        l1_hole=metrics.l1(original, after, data_range=1.0, mask=mask),
        baseline_psnr=metrics.psnr(original, baseline, data_range=1.0),
        baseline_ssim=metrics.ssim(original, baseline, data_range=1.0),
    )


def _estimate(scan: Scan, mask: NDArray[np.uint8], row: ScanRow, stage: ChunkStage) -> Measured:
    """Return the estimate from undamaged places nearby; absent where there are none.

    Those were filled together with the damage, unless there seemed to be an original, or the scan was filled alone.
    """
    if row.held_out_json:
        found = summarise([Sample(*one) for one in json.loads(row.held_out_json)])
    else:
        found = estimate(scans.viewed_channels(scan), mask, engine_of(stage.batch), seed=holdout_seed(row))
    return Measured(
        estimate_psnr=found.psnr,
        estimate_low=found.low,
        estimate_high=found.high,
        estimate_samples=found.samples,
    )


def _seam(scan: Scan, after: NDArray[Any], mask: NDArray[np.uint8]) -> float:
    """Return the seam score, of dark scans in the tones that a viewer shows."""
    before = scan.pixels
    if scan.tones:
        before, after = scans.viewed_channels(scan), scans.viewed_channels(replace(scan, pixels=after))
    return metrics.seam(before, after, mask, data_range=data_range(before)).score


def data_range(pixels: NDArray[Any]) -> float:
    """Return the difference between white and black of native pixels."""
    return float(np.iinfo(pixels.dtype).max)
