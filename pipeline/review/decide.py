"""Decide about a result: record it, and move the derivative where the decision wants it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from pipeline import storage
from pipeline.errors import RestorationError
from pipeline.ledger import Outcome, TaskContext, decisions, events, reviews
from pipeline.ledger.database import Ledger
from pipeline.ledger.decisions import Verdict
from pipeline.ledger.reviews import QueueEntry, ReviewState
from pipeline.ledger.tables import Batch, Decision
from pipeline.provenance.events import EventType
from pipeline.review.access import User
from pipeline.review.sources import Source, source_of

RESTORED, WITHDRAWN = "restored", "withdrawn"
STATES = {
    Verdict.ACCEPT: ReviewState.ACCEPTED,
    Verdict.REJECT: ReviewState.REJECTED,
    Verdict.LATER: ReviewState.LATER,
    Verdict.REPAINT: ReviewState.REDO,
}
EVENTS = {Verdict.REJECT: EventType.WITHDRAWAL}


class DecidedMeanwhile(RestorationError):
    """Somebody decided, or the result changed, since the person looked; the message says who and when."""


class NothingToUndo(RestorationError):
    """No decision about this result stands."""


def decide(
    ledger: Ledger,
    review_id: int,
    version: int,
    verdict: Verdict,
    user: User,
    *,
    note: str = "",
    write_mask: Callable[[], str] | None = None,
) -> QueueEntry:
    """Record a decision with its consequences and return the entry as it is then.

    Files are moved by copying first, then recording, then deleting, so that a process that is killed loses nothing.

    Args:
        version: of the entry that the person saw.
        write_mask: writes what was painted and returns its URI, with `REPAINT`; called when nobody was faster, so that
            the mask of the second of two people never takes the place of the first one's.

    Raises:
        DecidedMeanwhile: it was decided or done again since.
        NothingToUndo: `UNDO` without a decision that stands.
        LookupError: there is no such entry.
        StoreUnavailable: store or ledger did not answer; nothing was decided.
    """
    with ledger.read() as session:
        entry = _entry(session, review_id)
        standing = decisions.last_standing(reviews.decisions(session, entry.review))
        output = session.get_one(Batch, entry.review.batch_id).output
    if entry.review.version != version:
        raise DecidedMeanwhile(_meanwhile(entry))
    if verdict is Verdict.UNDO and standing is None:
        raise NothingToUndo("there is no decision to take back")
    state = ReviewState(standing.previous) if verdict is Verdict.UNDO and standing else STATES[verdict]
    source = source_of(entry)
    moved = _move(entry, output, WITHDRAWN if state is ReviewState.REJECTED else RESTORED)
    with ledger.write() as session:
        entry = _entry(session, review_id)
        previous = entry.review.state
        if not reviews.advance(session, entry.review, version, state, user.name):
            session.rollback()
            raise DecidedMeanwhile(_meanwhile(entry))
        decision = decisions.record(
            session, entry.review, verdict, by=user.id, by_name=user.name, seen=source.seen, previous=previous,
            note=note, mask_uri=write_mask() if write_mask is not None else "",
        )  # fmt: skip
        if moved:
            entry.outcome.restored_uri = moved[1]
        shown = decisions.standing_verdict(reviews.decisions(session, entry.review)) or decision
        sidecar = _sidecar(source, state, shown, moved[1] if moved else "", output)
        entry.outcome.sidecar_sha256 = hashlib.sha256(sidecar).hexdigest()
        storage.write_bytes(entry.outcome.sidecar_uri, sidecar)
        events.append(session, entry.review.batch_id, TaskContext(), [_event(entry, verdict, user, source, note)])
        session.flush()
        session.refresh(entry.review)
    if moved:
        storage.delete(moved[0])
    if verdict is Verdict.UNDO and standing is not None and standing.mask_uri:
        # The next run then fills what the machine found, as if nobody had painted.
        storage.delete(standing.mask_uri)
    return entry


def _entry(session: Session, review_id: int) -> QueueEntry:
    entry = reviews.entry(session, review_id)
    if entry is None:
        raise LookupError(f"there is no result {review_id}")
    return entry


def _meanwhile(entry: QueueEntry) -> str:
    review = entry.review
    if review.decided_by and review.decided is not None:
        return f"decided by {review.decided_by} at {review.decided:%Y-%m-%d %H:%M} UTC"
    return "it was done again meanwhile: look at the new result"


def _move(entry: QueueEntry, output: str, folder: str) -> tuple[str, str] | None:
    """Copy the derivative to where it belongs; return where it was and is, or None where it is there already."""
    uri = entry.outcome.restored_uri
    if not uri or entry.outcome.outcome != Outcome.RESTORED:
        return None
    other = RESTORED if folder == WITHDRAWN else WITHDRAWN
    start = storage.join(output, other) + "/"
    if not uri.startswith(start):
        return None
    if storage.sha256(uri) != entry.outcome.restored_sha256:
        raise DecidedMeanwhile("the derivative was changed since it was published: look at it again")
    target = storage.join(output, folder, uri.removeprefix(start))
    storage.copy(uri, target)
    return uri, target


def _sidecar(source: Source, state: ReviewState, decision: Decision, restored_uri: str, output: str) -> bytes:
    """Return the sidecar with the decision that stands."""
    document: dict[str, Any] = json.loads(json.dumps(source.sidecar))
    document["review"].pop("decision", None)
    if state in (ReviewState.ACCEPTED, ReviewState.REJECTED):
        document["review"]["decision"] = {
            "verdict": "accept" if state is ReviewState.ACCEPTED else "reject",
            "by": decision.by,
            "name": decision.by_name,
            "at": decision.at.astimezone(UTC).isoformat(),
            "note": decision.note,
        }
    if restored_uri and document["output"]:
        document["output"] |= {"uri": restored_uri, "path": restored_uri.removeprefix(output).lstrip("/")}
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"


def _event(entry: QueueEntry, verdict: Verdict, user: User, source: Source, note: str) -> events.EventRecord:
    kind = EVENTS.get(verdict, EventType.QUALITY)
    figures = {"user": user.id, "name": user.name, "seen": source.seen}
    return events.EventRecord(
        entry.review.scan_id, "review", str(kind), str(verdict), note, figures, at=datetime.now(UTC)
    )
