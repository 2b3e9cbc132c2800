"""Cut a batch into chunks by pixels and by number of scans, and write each chunk when it is full."""

from __future__ import annotations

from pipeline.stages import manifest
from pipeline.stages.batch import BatchContext
from pipeline.stages.scan_row import ScanRow


class ChunkWriter:
    """The chunks of one attempt of receiving. Memory: the rows of one chunk, and a digest per scan of the batch.

    Args:
        attempt: name of the attempt, part of every chunk's name.
    """

    def __init__(self, batch: BatchContext, attempt: str) -> None:
        self.batch, self.attempt = batch, attempt
        self.count = 0
        self.scans = 0
        self._rows: list[ScanRow] = []
        self._megapixels = 0.0
        self._first_of: dict[str, tuple[int, str]] = {}

    def add(self, row: ScanRow, megapixels: float) -> None:
        """Add a scan to the current chunk, or to the chunk that has the same bytes, whose result it then shares."""
        self.scans += 1
        can_share = not row.reason and not row.mask_given and not row.same_as
        if can_share and row.sha256 in self._first_of:
            number, row.same_as = self._first_of[row.sha256]
            if number <= self.count:
                chunk = self.batch.chunk_uri(number, self.attempt)
                manifest.write(chunk, [*manifest.read(chunk), row])
            else:
                self._rows.append(row)
            return
        limits = self.batch.collection
        full = len(self._rows) >= limits.chunk_scans or self._megapixels + megapixels > limits.chunk_megapixels
        if self._rows and full:
            self.close()
        self._rows.append(row)
        self._megapixels += megapixels
        if can_share:
            self._first_of[row.sha256] = (self.count + 1, row.path)

    def close(self) -> None:
        """Write the current chunk."""
        if self._rows:
            self.count += 1
            manifest.write(self.batch.chunk_uri(self.count, self.attempt), self._rows)
        self._rows, self._megapixels = [], 0.0
