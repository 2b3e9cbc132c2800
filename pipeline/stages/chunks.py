"""Cutting a batch into chunks by work and by count, each written when it is full."""

from __future__ import annotations

from pipeline.stages import manifest
from pipeline.stages.batch import BatchContext
from pipeline.stages.manifest import Row


class Chunks:
    """The chunks of one try of receiving. Memory: one chunk, and a digest per scan of the batch.

    Args:
        attempt: name of the try, part of every chunk's name.
    """

    def __init__(self, batch: BatchContext, attempt: str) -> None:
        self.batch, self.attempt = batch, attempt
        self.count = 0
        self.scans = 0
        self._rows: list[Row] = []
        self._megapixels = 0.0
        self._places: dict[str, tuple[int, str]] = {}

    def add(self, row: Row, megapixels: float) -> None:
        """Put a scan into the current chunk, or beside the same bytes, whose result it then shares."""
        self.scans += 1
        shares = not row["reason"] and not row["mask_given"] and not row["same_as"]
        if shares and row["sha256"] in self._places:
            number, row["same_as"] = self._places[row["sha256"]]
            if number <= self.count:
                chunk = self.batch.chunk_uri(number, self.attempt)
                manifest.write(chunk, [*manifest.read(chunk), row])
            else:
                self._rows.append(row)
            return
        limit = self.batch.collection
        full = len(self._rows) >= limit.chunk_scans or self._megapixels + megapixels > limit.chunk_megapixels
        if self._rows and full:
            self.close()
        self._rows.append(row)
        self._megapixels += megapixels
        if shares:
            self._places[row["sha256"]] = (self.count + 1, row["path"])

    def close(self) -> None:
        """Write the current chunk."""
        if self._rows:
            self.count += 1
            manifest.write(self.batch.chunk_uri(self.count, self.attempt), self._rows)
        self._rows, self._megapixels = [], 0.0
