"""Measuring: against the original where one is known, else an estimate that is called one; and what changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import metrics, scans
from pipeline.engines import Engine, Job, holdout_estimate, load_engine, paste
from pipeline.engines import inpaint as fill
from pipeline.ledger import TaskContext
from pipeline.scans import Scan
from pipeline.stages import artifacts
from pipeline.stages.chunk_stage import ChunkStage, Progress
from pipeline.stages.manifest import Row
from pipeline.stages.models import engine_of


def measure(chunk: str, context: TaskContext | None = None, *, progress: Progress | None = None) -> str:
    """Return the URI of the chunk's manifest with the figures of every scan that was filled.

    Raises:
        StoreUnavailable, MemoryError: try again.
        ConfigurationError, WeightsError: the engine is not the one with which the batch began, or cannot be loaded.
    """
    run = ChunkStage(chunk, "measure", "measured", context or TaskContext(), progress)
    if run.finished:
        return run.target
    filled = [row for row in run.open_rows() if row["filled_uri"]]
    if filled:
        work = _measurer(run, engine_of(run.batch))
        for row in filled:
            run.attempt(row, work)
    return run.save()


def _measurer(run: ChunkStage, engine: Engine) -> Callable[[Row], Row]:
    """Return what measures one scan."""

    def measured(row: Row) -> Row:
        scan = artifacts.read_master(row)
        mask = artifacts.read_mask(row["mask_uri"])
        after = artifacts.apply_fill(scan.pixels, mask, row["filled_uri"])
        change = metrics.fidelity(scan.pixels, after, mask)
        found: Row = {"changed_share": change.changed_share, "outside_identical": change.outside_identical}
        found["seam"] = metrics.seam(scan.pixels, after, mask, data_range=data_range(after)).score
        original = _original(row, scan, run)
        if original is not None:
            found |= _true(original, scans.colour(replace(scan, pixels=after)), scan, mask)
        else:
            found |= _estimated(scan, mask, engine, row)
        return found

    return measured


def _original(row: Row, scan: Scan, run: ChunkStage) -> NDArray[np.float32] | None:
    """Return the known original (H,W,3) in 0..1, or None; one that does not fit is no original of this scan."""
    if not row["original_uri"]:
        return None
    colour = scans.colour(scans.decode_isolated(row["original_uri"]))
    if colour.shape[:2] == scan.pixels.shape[:2]:
        return colour
    run.logger.warning("original %s: has another size than the scan and was not used", row["original_uri"])
    return None


def _true(original: NDArray[np.float32], after: NDArray[np.float32], scan: Scan, mask: NDArray[np.uint8]) -> Row:
    """Return the figures against a known original, whole and in the hole, and Telea's on the same mask."""
    before = scans.colour(scan)
    (telea,) = fill([Job("telea", before, mask)], load_engine("telea"))
    baseline = paste(before, mask, telea)
    found: Row = {}
    for name, of in (("psnr", metrics.psnr), ("ssim", metrics.ssim), ("l1", metrics.l1)):
        found[name] = of(original, after, data_range=1.0)
        found[f"{name}_hole"] = of(original, after, data_range=1.0, mask=mask)
    found["baseline_psnr"] = metrics.psnr(original, baseline, data_range=1.0)
    found["baseline_ssim"] = metrics.ssim(original, baseline, data_range=1.0)
    return found


def _estimated(scan: Scan, mask: NDArray[np.uint8], engine: Engine, row: Row) -> Row:
    """Return the estimate from undamaged places nearby; absent where there are none."""
    found = holdout_estimate.estimate(scans.visible_channels(scan), mask, engine, seed=int(row["sha256"][:8], 16))
    return {
        "estimate_psnr": found.psnr,
        "estimate_low": found.low,
        "estimate_high": found.high,
        "estimate_samples": found.samples,
    }


def data_range(pixels: NDArray[Any]) -> float:
    """Return the difference between white and black of native pixels."""
    return float(np.iinfo(pixels.dtype).max)
