"""Decide about a result: record it, and bring its files where the decision wants them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from pipeline import storage
from pipeline.ledger import TaskContext, decisions, events, reviews, samples
from pipeline.ledger.database import Ledger
from pipeline.ledger.decisions import Verdict
from pipeline.ledger.reviews import QueueEntry, ReviewState
from pipeline.ledger.samples import SampleVerdict
from pipeline.ledger.tables import Decision
from pipeline.provenance.events import EventType
from pipeline.review.access import User
from pipeline.review.decisions.decided_masks import keep_version, make_current
from pipeline.review.decisions.decided_sidecar import DECIDING, read_unchanged, with_decision
from pipeline.review.decisions.finish_interrupted import finish_interrupted
from pipeline.review.decisions.withdraw import copy_to_their_places
from pipeline.review.pictures.sources import source_of
from pipeline.review.refusals import DecidedMeanwhile, NothingToUndo
from pipeline.stages.iiif import publish_manifest_again
from pipeline.stages.writing_marker import marker_uri

STATES = {
    Verdict.ACCEPT: ReviewState.ACCEPTED,
    Verdict.REJECT: ReviewState.REJECTED,
    Verdict.LATER: ReviewState.LATER,
    Verdict.REPAINT: ReviewState.REDO,
}
JUDGED = {ReviewState.ACCEPTED: SampleVerdict.SOUND, ReviewState.REJECTED: SampleVerdict.FALSE}
EVENTS = {Verdict.REJECT: EventType.WITHDRAWAL}


def decide(
    ledger: Ledger,
    review_id: int,
    version: int,
    verdict: Verdict,
    user: User,
    *,
    note: str = "",
    mask: bytes | None = None,
    erases: bool = False,
) -> QueueEntry:
    """Record a decision with its consequences and return the entry as it is then.

    Files are copied first, then the decision is recorded, then they are deleted where they were, so that a process that
    is killed loses nothing.

    Args:
        version: of the entry that the person saw.
        mask: file of what was painted, with `REPAINT`; it is kept only when nobody was faster.
        erases: whether that mask leaves out a part of what was filled, which was false then.

    Raises:
        DecidedMeanwhile: it was decided or done again since, or its files were changed.
        NothingToUndo: `UNDO` without a decision that stands.
        Occupied: a file of somebody else lies where one must go.
        LookupError: there is no such entry.
        StoreUnavailable: store or ledger did not answer; nothing was decided.
    """
    with ledger.read() as session:
        entry = find_entry(session, review_id)
        standing = decisions.last_standing(reviews.decisions(session, entry.review))
    if entry.review.version != version:
        raise _meanwhile(entry)
    if verdict is Verdict.UNDO and standing is None:
        raise NothingToUndo("nothing_to_undo")
    state = ReviewState(standing.previous) if verdict is Verdict.UNDO and standing else STATES[verdict]
    source, output = source_of(entry), entry.output
    marker = marker_uri(output, entry.stem)
    if finish_interrupted(ledger, entry):
        return decide(ledger, review_id, version, verdict, user, note=note, mask=mask, erases=erases)
    document = read_unchanged(entry, output)
    moves = copy_to_their_places(entry, output, state)
    with ledger.write() as session:
        entry = find_entry(session, review_id)
        previous = entry.review.state
        if not reviews.advance(session, entry.review, version, state, user.name):
            session.rollback()
            raise _meanwhile(entry)
        decision = decisions.record(
            session, entry.review, verdict, by=user.id, by_name=user.name, seen=source.seen, previous=previous,
            note=note, mask_uri=keep_version(output, entry.scan.path, mask) if mask is not None else "",
        )  # fmt: skip
        judged = standing.seen if verdict is Verdict.UNDO and standing else source.seen
        samples.judge(session, entry.review, judged, _judgement(state, erases=erases))
        for move in moves:
            move.record(entry.outcome)
        shown = decisions.standing_verdict(reviews.decisions(session, entry.review)) or decision
        sidecar, sha256 = with_decision(document, state, shown, {one.role: one.target for one in moves}, output)
        # A process that is killed here leaves a sidecar that the ledger does not know: it is still the program's own.
        storage.write_bytes(marker, DECIDING)
        entry.outcome.sidecar_sha256 = sha256
        storage.write_bytes(entry.outcome.sidecar_uri, sidecar)
        events.append(session, entry.review.batch_id, TaskContext(), [_event(entry, verdict, user, source.seen, note)])
        if verdict is Verdict.UNDO and standing is not None and standing.mask_uri:
            make_current(output, entry.scan.path, standing_mask(session, entry))
        settings = reviews.batch_settings(session, entry.review)
        session.flush()
        session.refresh(entry.review)
    # What matters most comes first, should the store fail here: no run fills another mask, nothing withdrawn is kept.
    if verdict is Verdict.REPAINT:
        make_current(output, entry.scan.path, decision.mask_uri)
    for move in moves:
        move.finish()
    publish_manifest_again(settings, output, entry.stem, json.loads(sidecar))
    storage.delete(marker)
    return entry


def find_entry(session: Session, review_id: int) -> QueueEntry:
    """Return an entry of the queue.

    Raises:
        LookupError: there is none of this id.
    """
    entry = reviews.entry(session, review_id)
    if entry is None:
        raise LookupError(f"there is no result {review_id}")
    return entry


def standing_mask(session: Session, entry: QueueEntry) -> str:
    """Return the URI of the last mask that a person decided for a scan and did not take back; empty without one."""
    found = [one for one in decisions.standing_of_scan(session, entry.scan.id) if one.mask_uri]
    return found[-1].mask_uri if found else ""


def _judgement(state: ReviewState, *, erases: bool) -> SampleVerdict:
    """Return what a decision says of a repair that was drawn at random."""
    if state is ReviewState.REDO:
        return SampleVerdict.FALSE if erases else SampleVerdict.SOUND
    return JUDGED.get(state, SampleVerdict.OPEN)


def _meanwhile(entry: QueueEntry) -> DecidedMeanwhile:
    review = entry.review
    if review.decided_by and review.decided is not None:
        return DecidedMeanwhile("decided", name=review.decided_by, at=review.decided)
    return DecidedMeanwhile("done_again")


def _event(entry: QueueEntry, verdict: Verdict, user: User, seen: str, note: str) -> events.EventRecord:
    kind = EVENTS.get(verdict, EventType.QUALITY)
    figures = {"user": user.id, "name": user.name, "seen": seen, "sidecar_sha256": entry.outcome.sidecar_sha256}
    return events.EventRecord(
        entry.review.scan_id, "review", str(kind), str(verdict), note, figures, at=datetime.now(UTC)
    )


def replaced(found: Sequence[Decision], seen: str) -> Decision | None:
    """Return the decision whose mask was filled in a result; None where no person's was.

    Args:
        found: decisions about a scan that stand, oldest first.
        seen: sha256 of what a person looks at now.
    """
    painted = [one for one in found if one.decision == Verdict.REPAINT and one.seen != seen]
    return painted[-1] if painted else None
