"""Make the file of a mask that a person accepted and painted; nothing is written."""

from __future__ import annotations

import numpy as np

from pipeline.imaging.orientation import as_stored
from pipeline.ledger.reviews import QueueEntry
from pipeline.masks.encode import encode_mask
from pipeline.painted import DECIDED_BY
from pipeline.review.access import User
from pipeline.review.refusals import NothingMarked
from pipeline.review.sources import source_of
from pipeline.review.strokes import Painting, compose_painting


def paint_mask(entry: QueueEntry, painting: Painting, user: User) -> bytes:
    """Return a person's mask as a PNG file that names them, rows and columns as the scan is stored.

    Raises:
        ValueError: the painting is malformed.
        NothingMarked: it marks nothing.
    """
    source = source_of(entry)
    mask = compose_painting(source, painting)
    if painting.is_empty or not mask.any():
        raise NothingMarked("nothing_marked")
    return encode_mask(np.ascontiguousarray(as_stored(mask, source.orientation)), {DECIDED_BY: user.name})
