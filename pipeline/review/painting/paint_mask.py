"""Make the file of a mask that a person accepted and painted; nothing is written."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.imaging.orientation import as_stored
from pipeline.ledger.reviews import QueueEntry
from pipeline.masks.encode import encode_mask
from pipeline.painted import DECIDED_BY
from pipeline.review.access import User
from pipeline.review.painting.strokes import Painting, compose_painting
from pipeline.review.pictures.sources import source_of
from pipeline.review.refusals import NothingMarked


@dataclass(frozen=True)
class PaintedMask:
    """A mask that a person decided.

    Attributes:
        data: the PNG file, which names the person.
        erases: whether it leaves out a part of what was filled.
    """

    data: bytes
    erases: bool


def paint_mask(entry: QueueEntry, painting: Painting, user: User) -> PaintedMask:
    """Return a person's mask, rows and columns as the scan is stored.

    Raises:
        ValueError: the painting is malformed.
        NothingMarked: it marks nothing.
    """
    source = source_of(entry)
    mask = compose_painting(source, painting)
    if painting.is_empty or not mask.any():
        raise NothingMarked("nothing_marked")
    filled = source.filled().window((0, 0, source.width, source.height))
    erases = bool(((filled > 0) & (mask == 0)).any())
    stored = np.ascontiguousarray(as_stored(mask, source.orientation))
    return PaintedMask(encode_mask(stored, {DECIDED_BY: user.name}), erases)
