"""Prove a collection's chain of events on a schedule, and tell people once where it is not whole."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from pipeline.errors import RestorationError
from pipeline.ledger import TaskContext
from pipeline.ledger.verify import Verification, collections
from pipeline.settings import Collection
from pipeline.stages.alerts import notify
from pipeline.stages.batch import open_ledger
from pipeline.upkeep.verify import verify_ledger

if TYPE_CHECKING:
    from pipeline.digests import Channel

# Findings that a mail names; `trace --verify` has all of them.
NAMED = 5


class LedgerChanged(RestorationError):
    """The ledger was rewritten; the message names the first findings."""


def verify_collection(collection: Collection, *, channel: Channel | None, context: TaskContext) -> str:
    """Return a sentence on the events that were proved, and the head of the chain, after all of them were as chained.

    One mail says what was found; the same findings are not mailed again.

    Raises:
        LedgerChanged: an event, or a result or decision that one recorded, was changed, removed or inserted.
        StoreUnavailable, or any error of the channel: a retry starts again.
    """
    ledger = open_ledger()
    with ledger.read() as session:
        if collection.name not in collections(session):
            return "nothing was recorded yet"
    [found] = verify_ledger(ledger, collection.name)
    said = describe(found)
    if not found.is_whole:
        # By what was found: the chain grows, and what is wrong with it stays.
        sentences = sorted(f"{one.fault} {one.sentence}" for one in found.findings)
        which = hashlib.sha256("\n".join(sentences).encode(errors="surrogateescape")).hexdigest()[:16]
        notify(collection, "ledger", which, said, channel=channel, dag_id=context.dag_id, run_id=context.run_id)
        raise LedgerChanged(said)
    return said


def describe(found: Verification) -> str:
    """Return what was proved and what is wrong, as sentences that `recorded_sentences` knows."""
    parts = [f"events proved: {found.head.position:,}, last: {found.head}"]
    parts += [one.sentence for one in found.findings[:NAMED]]
    if len(found.findings) > NAMED:
        parts.append(f"further findings: {len(found.findings) - NAMED:,}")
    return "; ".join(parts)
