"""Cut a batch into chunks by pixels and by number of scans, and write each chunk when it is full."""

from __future__ import annotations

import math

from pipeline.settings import settings
from pipeline.stages import manifest
from pipeline.stages.batch import BatchContext
from pipeline.stages.scan_row import ScanRow

LEAST_MEGAPIXELS = 30.0
"""A chunk costs Airflow the start of four tasks, some ten seconds; so much is half a minute of two cores."""
MOST_CORES = 8
"""Cores that one task keeps busy. Up to so many a small batch is one chunk, of which every stage has all of them; of
two chunks the first would be masked, and the last published, by a part of them."""
FEW_CHUNKS = 48
"""More chunks than these are joined: Airflow's scheduler examines every mapped task in each of its loops."""


class ChunkWriter:
    """The chunks of one attempt of receiving. Memory: the rows of one chunk, and a digest per scan of the batch.

    At the end the rows of the last chunks are in memory, or those of all, where there are more than `FEW_CHUNKS`.

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

    def finish(self) -> None:
        """Write the current chunk, and cut the last ones again, so that the tasks that work on them end together.

        Of them as many as tasks run at a time become equally large. More than `FEW_CHUNKS` become so many, or as many
        as tasks run at a time, above the limit of megapixels.
        """
        self.close()
        slots = settings().task_slots
        few = max(FEW_CHUNKS, slots)
        many = self.count > few
        first = 1 if many else max(1, self.count - slots + 1)
        uris = [self.batch.chunk_uri(number, self.attempt) for number in range(first, self.count + 1)]
        if not uris or (slots == 1 and not many):
            return
        rows = [row for uri in uris for row in manifest.read(uri)]
        parts = _cut(rows, few if many else self._parts(rows, slots))
        if any(sum(not row.same_as for row in part) > self.batch.collection.chunk_scans for part in parts):
            # Large scans among many small ones: the limit of scans is a limit.
            return
        for number, part in enumerate(parts, first):
            manifest.write(self.batch.chunk_uri(number, self.attempt), part)
        # What is left of chunks that became fewer is not counted, and goes with the work area.
        self.count = first + len(parts) - 1

    def _parts(self, rows: list[ScanRow], slots: int) -> int:
        """Return into how many chunks the last rows are cut."""
        limits, own = self.batch.collection, [row for row in rows if not row.same_as]
        megapixels = sum(map(_megapixels, own))
        needed = max(math.ceil(len(own) / limits.chunk_scans), math.ceil(megapixels / limits.chunk_megapixels))
        useful = min(math.ceil(slots / MOST_CORES), int(megapixels / LEAST_MEGAPIXELS))
        return min(slots, max(1, needed, useful))


def _megapixels(row: ScanRow) -> float:
    return (row.width or 0) * (row.height or 0) / 1e6


def _cut(rows: list[ScanRow], parts: int) -> list[list[ScanRow]]:
    """Return the rows in parts of about the same work; what shares a scan's result is in its part."""
    # Also what cannot be read costs something.
    sizes = [0.0 if row.same_as else _megapixels(row) + 0.1 for row in rows]
    whole, done = sum(sizes) or 1.0, 0.0
    found: list[list[ScanRow]] = [[] for _ in range(parts)]
    part_of: dict[str, int] = {}
    for row, size in zip(rows, sizes, strict=True):
        middle = min(parts - 1, int((done + size / 2) / whole * parts))
        number = part_of.get(row.same_as, middle)
        found[number].append(row)
        part_of[row.path] = number
        done += size
    return [part for part in found if part]
