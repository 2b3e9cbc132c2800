"""Fill batches on a device that may run out of memory: back off to smaller batches, then to the CPU."""

from __future__ import annotations

import logging

import numpy as np

from pipeline.engines.interface import BoolMask, Engine, FloatImage

log = logging.getLogger(__name__)


class OomBackoff:
    """Call an engine with smaller batches once memory runs out, and in the end its fallback for all that follows.

    Args:
        engine: what fills.
        batch_pixels: pixels of windows in one call at most; lowered when it turns out to be too much.
    """

    def __init__(self, engine: Engine, batch_pixels: int) -> None:
        self.engine = engine
        self.batch_pixels = batch_pixels

    def fill(self, images: FloatImage, holes: BoolMask) -> tuple[FloatImage, list[str]]:
        """Return the filled windows (N,H,W,3) and notes on how it had to back off.

        Raises:
            MemoryError: a single window is too large even for the fallback.
        """
        most = max(1, self.batch_pixels // holes[0].size)
        if len(images) > most:
            starts = range(0, len(images), most)
            parts = [self.fill(images[start : start + most], holes[start : start + most]) for start in starts]
            return np.concatenate([part for part, _ in parts]), list(
                dict.fromkeys(note for _, notes in parts for note in notes)
            )
        try:
            return self.engine.fill(images, holes), []
        except MemoryError:
            count = len(images)
            if count > 1:
                # Also batches that were put together before are cut now.
                self.batch_pixels = max(1, holes.size // 2)
                note = f"memory ran out with {count} windows at once; went on with half as many"
                log.warning("%s (%s)", note, self.engine.runtime)
                filled, notes = self.fill(images, holes)
                return filled, [note, *notes]
            fallback = self.engine.fallback()
            if fallback is None:
                raise
            note = f"memory of {self.engine.runtime} ran out; went on with {fallback.runtime}"
            log.warning("%s", note)
            self.engine = fallback
            filled, notes = self.fill(images, holes)
            return filled, [note, *notes]
