"""Finish what a decision wanted of its files, where the process was killed between the ledger and the store."""

from __future__ import annotations

import hashlib
import json

from sqlalchemy.orm import Session

from pipeline import logs, storage
from pipeline.errors import RestorationError
from pipeline.ledger import decisions, reviews
from pipeline.ledger.database import Ledger
from pipeline.ledger.outcome_files import files_of
from pipeline.ledger.reviews import QueueEntry, ReviewState
from pipeline.review.decisions.decided_sidecar import DECIDING, PARTS, with_decision
from pipeline.review.decisions.withdraw import other_place
from pipeline.stages.iiif import publish_manifest_again
from pipeline.stages.writing_marker import marker_uri

LATEST = 100
"""Decisions that are looked at: no more can have been on their way when a server was killed."""
logger = logs.stage_logger("review")


def finish_latest(ledger: Ledger) -> None:
    """Finish the decisions that were recorded last; where a store does not answer, the next decision tries again."""
    try:
        with ledger.read() as session:
            found = reviews.latest_decided(session, LATEST)
        for entry in found:
            finish_interrupted(ledger, entry)
    except (RestorationError, OSError, LookupError) as error:
        logger.warning("decisions of a server that was killed are not finished yet: %s", error)


def finish_interrupted(ledger: Ledger, entry: QueueEntry) -> bool:
    """Delete what lies where a result was before its decision, mend its sidecar; return whether that was due.

    Nothing is deleted that is not, byte for byte, where the ledger says that it is.

    Raises:
        FileNotFoundError: the sidecar is gone.
        StoreUnavailable: store or ledger did not answer.
    """
    marker = marker_uri(entry.output, entry.stem)
    if not _is_of_a_decision(marker):
        return False
    with ledger.write() as session:
        # Of two processes the second waits, and finds nothing to do.
        now = reviews.entry(session, entry.review.id, locked=True)
        if now is None or not _is_of_a_decision(marker):
            return False
        entry = now
        _delete_copies(entry)
        sidecar = storage.read_bytes(entry.outcome.sidecar_uri)
        if hashlib.sha256(sidecar).hexdigest() != entry.outcome.sidecar_sha256:
            sidecar = _rewritten(session, entry, sidecar)
        settings = reviews.batch_settings(session, entry.review)
    publish_manifest_again(settings, entry.output, entry.stem, json.loads(sidecar))
    storage.delete(marker)
    logger.info("finished an interrupted decision about %s", entry.stem)
    return True


def _is_of_a_decision(marker: str) -> bool:
    """Return whether a decision has written a marker: those of runs say whose scan it is."""
    try:
        return storage.read_bytes(marker) == DECIDING
    except FileNotFoundError:
        return False


def _rewritten(session: Session, entry: QueueEntry, data: bytes) -> bytes:
    """Write a sidecar as the ledger says that it is, and return it."""
    shown = decisions.standing_verdict(reviews.decisions(session, entry.review))
    places = {role: uri for role, uri, _ in files_of(entry.outcome) if role in PARTS}
    state = ReviewState(entry.review.state)
    sidecar, entry.outcome.sidecar_sha256 = with_decision(json.loads(data), state, shown, places, entry.output)
    storage.write_bytes(entry.outcome.sidecar_uri, sidecar)
    return sidecar


def _delete_copies(entry: QueueEntry) -> None:
    for role, uri, sha256 in files_of(entry.outcome):
        copy = other_place(role, uri, entry.stem, entry.output)
        if copy and all(storage.exists(one) and storage.sha256(one) == sha256 for one in (copy, uri)):
            storage.delete(copy)
