"""Make the mask that a person accepted and painted, and write it where the next run finds it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline import storage
from pipeline.imaging.orientation import as_stored
from pipeline.inbox.listing import DECIDED, DECIDED_MASK
from pipeline.ledger import reviews
from pipeline.ledger.database import Ledger
from pipeline.ledger.tables import Batch
from pipeline.masks.encode import encode_mask
from pipeline.painted import DECIDED_BY
from pipeline.review.access import User
from pipeline.review.sources import source_of
from pipeline.review.strokes import Painting, compose_painting


@dataclass(frozen=True)
class PaintedFile:
    """The mask that a person decided, and where the next run looks for it."""

    uri: str
    data: bytes

    def write(self) -> str:
        """Write the mask, and return its URI."""
        storage.write_bytes(self.uri, self.data)
        return self.uri


def paint_mask(ledger: Ledger, review_id: int, painting: Painting, user: User) -> PaintedFile:
    """Return a person's mask, rows and columns as the scan is stored; nothing is written yet.

    Raises:
        LookupError: there is no such result.
        ValueError: the painting is malformed, or marks nothing.
    """
    with ledger.read() as session:
        entry = reviews.entry(session, review_id)
        if entry is None:
            raise LookupError(f"there is no result {review_id}")
        output = session.get_one(Batch, entry.review.batch_id).output
    source = source_of(entry)
    mask = compose_painting(source, painting)
    if painting.is_empty or not mask.any():
        raise ValueError("nothing is marked: accept a mark or paint one, or reject the result")
    stored = np.ascontiguousarray(as_stored(mask, source.orientation))
    uri = storage.join(output, DECIDED, entry.scan.path + DECIDED_MASK)
    return PaintedFile(uri, encode_mask(stored, {DECIDED_BY: user.name}))
