"""Draw a random sample of the repairs that nobody has seen, at the end of a batch, for people to look at."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from enum import StrEnum

from sqlalchemy.orm import Session

from pipeline.ledger import TaskContext, events, samples
from pipeline.ledger.samples import JudgedBatch, Unseen
from pipeline.ledger.tables import Batch
from pipeline.provenance.events import EventType
from pipeline.settings import Audit

# Batches after which tightened and normal sampling end when all of them were clean.
CLEAN_TO_NORMAL, CLEAN_TO_REDUCED = 5, 10


class Level(StrEnum):
    """How much is drawn, as ISO 2859-1 names its severities of inspection.

    Attributes:
        NORMAL: what the collection asks for.
        TIGHTENED: twice as much, after a false repair, until five batches in a row were clean.
        REDUCED: half as much, after ten clean batches in a row, until a false repair is found.
    """

    NORMAL = "normal"
    TIGHTENED = "tightened"
    REDUCED = "reduced"


FACTOR = {Level.NORMAL: 1.0, Level.TIGHTENED: 2.0, Level.REDUCED: 0.5}


def draw_sample(session: Session, row: Batch, audit: Audit, context: TaskContext) -> None:
    """Draw the sample of a batch and record it as an event; the caller makes sure that it happens once.

    Args:
        row: the batch, of which every scan has its outcome.
    """
    found = samples.unseen(session, row.id)
    level = level_of(samples.judged_batches(session, row.collection, CLEAN_TO_REDUCED))
    size = sample_size(len(found), audit, level)
    if not size:
        return
    seed = f"batch {row.id}"
    drawn = choose(found, size, seed)
    samples.draw(session, row.collection, row.id, drawn)
    figures = {"drawn": len(drawn), "of": len(found), "level": str(level), "seed": seed}
    figures |= {"scans": [one.scan_id for one in drawn]}
    record = events.EventRecord(None, "audit", str(EventType.QUALITY), "sample drawn", figures=figures)
    events.append(session, row.id, context, [record])


def level_of(judged: Sequence[JudgedBatch]) -> Level:
    """Return how much to draw from the next batch.

    Args:
        judged: batches of which people have judged the sample, the latest first.
    """
    clean = next((number for number, one in enumerate(judged) if one.false), len(judged))
    if clean >= CLEAN_TO_REDUCED:
        return Level.REDUCED
    return Level.TIGHTENED if clean < min(CLEAN_TO_NORMAL, len(judged)) else Level.NORMAL


def sample_size(population: int, audit: Audit, level: Level) -> int:
    """Return how many to draw: a number or a share of the repairs, whichever is larger, or all of them."""
    wanted = max(audit.scans, math.ceil(audit.share * population))
    return min(population, math.ceil(FACTOR[level] * wanted))


def choose(found: Sequence[Unseen], size: int, seed: str) -> list[Unseen]:
    """Return the repairs with the smallest sha256 of seed and derivative: anyone can draw the same again."""
    return sorted(found, key=lambda one: _ticket(one, seed))[:size]


def _ticket(one: Unseen, seed: str) -> str:
    return hashlib.sha256(f"{seed}\n{one.scan_id}\n{one.sha256}".encode()).hexdigest()
