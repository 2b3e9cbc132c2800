"""Filling the damage: scans are streamed through the engine, which packs windows of different scans together."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import scans
from pipeline.engines import Engine, Filled, Job
from pipeline.engines import inpaint as fill
from pipeline.engines.grain import add_grain
from pipeline.errors import ConfigurationError, StoreUnavailable, WeightsError
from pipeline.ledger import TaskContext
from pipeline.runtime.memory import give_back
from pipeline.scans import Scan
from pipeline.stages import artifacts
from pipeline.stages.batch import GoneError
from pipeline.stages.chunk_stage import Progress, Run
from pipeline.stages.manifest import Row
from pipeline.stages.models import engine_of

# From here on one window is filled at a time.
MOST_HALVINGS = 24


def inpaint(chunk: str, context: TaskContext | None = None, *, progress: Progress | None = None) -> str:
    """Return the URI of the chunk's manifest with the new pixels of every scan that is to be filled.

    Raises:
        StoreUnavailable, MemoryError: try again.
        ConfigurationError, WeightsError: the engine is not the one with which the batch began, or cannot be loaded.
    """
    run = Run(chunk, "inpaint", "inpainted", context or TaskContext(), progress)
    if run.finished:
        return run.target
    wanted = [row for row in run.open_rows() if row["decision"] == "fill"]
    if wanted:
        _Filler(run, engine_of(run.work)).run(wanted)
        # Windows of every size have come and gone; the stages that follow in this process need whole scans.
        give_back()
    return run.save()


class _Filler:
    """Fills the scans of one chunk."""

    def __init__(self, chunk: Run, engine: Engine) -> None:
        self.chunk, self.engine = chunk, engine
        halvings = min(chunk.context.halvings, MOST_HALVINGS)
        self.batch_pixels = max(1, engine.layout.batch_pixels >> halvings)
        self.note = f"memory ran out before: batches of 1/{2**halvings} of the usual size" if halvings else ""
        if self.note:
            chunk.logger.info("stage=inpaint %s, %d pixels at once", self.note, self.batch_pixels)
        self._open: dict[str, tuple[Row, Scan, NDArray[np.uint8]]] = {}

    def run(self, rows: list[Row]) -> None:
        """Fill all of them together; when that goes wrong, those that are left one by one."""
        try:
            for filled in fill(self._jobs(rows), self.engine, batch_pixels=self.batch_pixels):
                self._keep(filled)
            return
        except (StoreUnavailable, ConfigurationError, WeightsError, GoneError):
            raise
        except Exception:
            self.chunk.logger.exception("stage=inpaint: filling scans together failed; going on one by one")
        self._open.clear()
        for row in rows:
            if not row["engine"] and not row["reason"]:
                self.chunk.attempt(row, self._alone)

    def _jobs(self, rows: list[Row]) -> Iterator[Job]:
        """Yield scans with their masks as they are wanted; one that cannot be read is settled and left out."""
        for row in rows:
            started = time.perf_counter()
            stopped = self.chunk.guarded(row, lambda row=row: self._open_scan(row))  # type: ignore[misc]
            if stopped:
                self.chunk.settle(row, stopped, time.perf_counter() - started)
                continue
            _, scan, mask = self._open[str(row["scan_id"])]
            yield Job(str(row["scan_id"]), scans.visible(scan), mask)

    def _open_scan(self, row: Row) -> Row:
        """Read a scan and its mask."""
        self._open[str(row["scan_id"])] = (row, artifacts.master(row), artifacts.read_mask(row["mask_uri"]))
        return {}

    def _alone(self, row: Row) -> Row:
        """Return the columns of one scan that is filled by itself."""
        self._open_scan(row)
        _, scan, mask = self._open[str(row["scan_id"])]
        (filled,) = fill(
            [Job(str(row["scan_id"]), scans.visible(scan), mask)], self.engine, batch_pixels=self.batch_pixels
        )
        return self._written(filled)

    def _keep(self, filled: Filled) -> None:
        """Settle a scan whose new pixels have come."""
        row = self._open[filled.key][0]
        self.chunk.settle(row, self.chunk.guarded(row, lambda: self._written(filled)), filled.seconds)

    def _written(self, filled: Filled) -> Row:
        """Return the columns of a filled scan, its new pixels written at native depth."""
        row, scan, mask = self._open.pop(filled.key)
        if self.chunk.work.collection.recipe.grain:
            # Seeded by the scan's own content, so that the same master gives the same result anywhere.
            filled = add_grain(filled, scans.visible(scan), mask, int(str(row["sha256"])[:16], 16))
        uri = self.chunk.work.place("filled", f"{row['scan_id']}.npy")
        artifacts.write_fill(uri, native(scan, mask, filled))
        return {
            "filled_uri": uri,
            "engine": self.engine.name,
            "engine_digest": self.engine.digest,
            "windows": len(filled.windows),
            "notes": "; ".join(filter(None, [f"filled by {self.engine.runtime}", self.note, *filled.notes])),
        }


def native(scan: Scan, mask: NDArray[np.uint8], filled: Filled) -> NDArray[Any]:
    """Return the new pixels (N,) or (N,C) at the scan's own depth and mode, in the order of the mask's pixels."""
    damaged = np.count_nonzero(mask)
    if len(filled.pixels) != damaged:
        raise ValueError(f"{damaged - len(filled.pixels)} damaged pixels were not filled")
    return scans.native_values(scan, mask, filled.pixels)
