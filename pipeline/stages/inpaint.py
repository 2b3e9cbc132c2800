"""Fill the damage on the scans of a chunk."""

from __future__ import annotations

import json
from dataclasses import astuple
from typing import NoReturn

from pipeline import scans
from pipeline.engines import Engine, Filled
from pipeline.engines.grain import add_grain
from pipeline.engines.holdout_estimate import Sample
from pipeline.imaging.mapped import releasing
from pipeline.imaging.types import Mask
from pipeline.ledger import TaskContext
from pipeline.runtime.memory import release_networks
from pipeline.scans import Scan
from pipeline.stages import artifacts
from pipeline.stages.chunk_stage import ChunkStage, Progress, row_pixels
from pipeline.stages.fill_scans import ScanFiller, native_pixels
from pipeline.stages.models import engine_of
from pipeline.stages.order import Stage
from pipeline.stages.scan_row import Inpainted, ScanRow, Stopped

# From here on one window is filled at a time.
MOST_HALVINGS = 24


def inpaint(chunk: str, context: TaskContext | None = None, *, progress: Progress | None = None) -> str:
    """Return the URI of the chunk's manifest with the new pixels of every scan that is to be filled.

    Raises:
        StoreUnavailable, MemoryError: a retry may succeed.
        ConfigurationError, WeightsError: the engine is not the one with which the batch began, or cannot be loaded.
    """
    stage = ChunkStage(chunk, Stage.INPAINT, context, progress)
    if stage.finished:
        return stage.target
    wanted = [row for row in stage.rows_to_process() if row.decision == "fill"]
    if wanted:
        _ChunkFiller(stage, engine_of(stage.batch)).fill(wanted)
        # Windows of many sizes were allocated and freed; later stages in this process need memory for whole scans.
        release_networks()
    return stage.save()


class _ChunkFiller(ScanFiller[ScanRow, "Inpainted | Stopped"]):
    """Fills the scans of one chunk and finishes their rows."""

    def __init__(self, stage: ChunkStage, engine: Engine) -> None:
        halvings = min(stage.context.halvings, MOST_HALVINGS)
        batch_pixels = max(1, engine.layout.batch_pixels >> halvings)
        super().__init__(engine, batch_pixels=batch_pixels, workers=stage.workers)
        self.stage = stage
        self.note = f"memory ran out before: batches of 1/{2**halvings} of the usual size" if halvings else ""
        if self.note:
            stage.logger.info("stage=inpaint %s, %d pixels at once", self.note, batch_pixels)

    def key(self, row: ScanRow) -> str:
        return str(row.scan_id)

    def read(self, row: ScanRow) -> tuple[Scan, Mask]:
        return artifacts.read_master(row), artifacts.read_mask(row.mask_uri)

    def seed(self, row: ScanRow) -> int | None:
        # What has a known original is measured, not estimated.
        return None if row.original_uri else holdout_seed(row)

    def pixels(self, row: ScanRow) -> int:
        return row_pixels(row)

    def make(
        self, row: ScanRow, scan: Scan, mask: Mask, filled: Filled, samples: list[Sample] | None
    ) -> Inpainted | Stopped:
        return self.stage.guarded(row, lambda: self._write(row, scan, mask, filled, samples))

    def store(self, row: ScanRow, found: Inpainted | Stopped, filled: Filled) -> None:
        self.stage.finish_row(row, found, filled.seconds)

    def _write(self, row: ScanRow, scan: Scan, mask: Mask, filled: Filled, samples: list[Sample] | None) -> Inpainted:
        """Return the columns of a filled scan, its new pixels written at native depth."""
        if self.stage.batch.collection.recipe.grain:
            # Seeded by the scan's own content, so that the same master gives the same result anywhere.
            filled = add_grain(filled, scans.viewed_channels(scan), mask, int(row.sha256[:16], 16))
        uri = self.stage.batch.work_uri("filled", f"{row.scan_id}.npy")
        with releasing(scan.pixels):
            artifacts.write_fill(uri, native_pixels(scan, mask, filled))
        return Inpainted(
            filled_uri=uri,
            engine=self.engine.name,
            engine_digest=self.engine.digest,
            windows=len(filled.windows),
            held_out_json="" if samples is None else json.dumps([astuple(one) for one in samples]),
            notes="; ".join(filter(None, [f"filled by {self.engine.runtime}", self.note, *filled.notes])),
        )

    def fail(self, row: ScanRow, error: Exception, seconds: float) -> None:
        self.stage.finish_row(row, self.stage.guarded(row, lambda: _raise(error)), seconds)

    def on_batch_failure(self, error: Exception) -> None:
        self.stage.logger.error("stage=inpaint: filling scans together failed; going on one by one", exc_info=error)
        # A scan that finds too little memory now found too little by itself.
        self.stage.workers = 1


def holdout_seed(row: ScanRow) -> int:
    """Return the seed of a scan's estimate: the same content has the same estimate anywhere."""
    return int(row.sha256[:8], 16)


def _raise(error: Exception) -> NoReturn:
    raise error
