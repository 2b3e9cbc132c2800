"""The queue of what people are asked to look at: one entry for each result, with the state of its review."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, func, or_, select, tuple_, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from pipeline.ledger.outcome import Outcome
from pipeline.ledger.paths import scans_with
from pipeline.ledger.rows import insert, now
from pipeline.ledger.tables import Batch, Decision, OutcomeRow, Publication, Review, Sample, Scan

# Priorities: a smaller number comes first. Estimates in dB are added to the last.
OPEN_MARKS, IN_REVIEW, AUDIT, FILLED = 0.0, 1000.0, 2000.0, 3000.0
UNKNOWN_ESTIMATE = 999.0


class ReviewState(StrEnum):
    """How far people are with a result.

    Attributes:
        UNASKED: repaired without anything open; nobody is asked about it.
        OPEN: a person is asked to look.
        LATER: put off.
        ACCEPTED: kept as it is.
        REJECTED: the derivative was withdrawn.
        REDO: a person's mask waits to be filled.
    """

    UNASKED = "unasked"
    OPEN = "open"
    LATER = "later"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    REDO = "redo"


AGAIN = (ReviewState.REDO, ReviewState.REJECTED, ReviewState.LATER)
"""States in which a person waits for a better result: a new one is shown to them."""
REPLACED = "replaced"
"""What is recorded of a repair that was drawn at random, see `samples.SampleVerdict`."""


@dataclass(frozen=True)
class QueueEntry:
    """One entry of the queue with its scan and its result.

    Attributes:
        stem: name of its files below restored/, masks/ and so on.
        output: URI of the collection's results.
    """

    review: Review
    scan: Scan
    outcome: OutcomeRow
    stem: str
    output: str


@dataclass(frozen=True)
class QueueFilter:
    """Which entries are wanted; an empty field leaves nothing out.

    Attributes:
        batch_id: None for all batches.
        kinds, reasons: of open marks: one of each is enough.
        since, before: the result was recorded at or after, and before this moment.
        decided_by: name of the person who decided last.
        text: a part of the path, upper and lower case alike, however its letters are composed.
    """

    collection: str = ""
    batch_id: int | None = None
    states: Sequence[str] = ()
    outcomes: Sequence[str] = ()
    kinds: Sequence[str] = ()
    reasons: Sequence[str] = ()
    since: datetime | None = None
    before: datetime | None = None
    decided_by: str = ""
    text: str = ""


def enqueue(
    session: Session,
    *,
    scan_id: int,
    recipe_digest: str,
    batch_id: int,
    collection: str,
    outcome: Outcome,
    marks: int,
    estimate: float | None,
    kinds: Iterable[str] = (),
    reasons: Iterable[str] = (),
    recorded: datetime | None = None,
) -> None:
    """Ask about a new result, or leave it unasked; what was decided about an earlier one starts again.

    Args:
        marks: open marks, damage that was suspected and left as it is.
        estimate: PSNR in dB of the fill; the lowest come first.
        kinds, reasons: of the open marks.
        recorded: time of the result; now by default.
    """
    key = {"scan_id": scan_id, "recipe_digest": recipe_digest}
    found = session.scalars(select(Review).filter_by(**key).execution_options(populate_existing=True)).first()
    awaited = found is not None and found.state in AGAIN
    if outcome in (Outcome.RESTORED, Outcome.UNCHANGED, Outcome.REVIEW):
        awaited |= _forget_earlier(session, scan_id, recipe_digest)
    if not marks and outcome not in (Outcome.REVIEW, Outcome.RESTORED):
        if found is not None:
            session.delete(found)
        return
    # What a person had filled comes back to be looked at.
    asked = marks > 0 or outcome is Outcome.REVIEW or awaited
    priority = OPEN_MARKS if marks else IN_REVIEW if asked else FILLED
    state = ReviewState.OPEN if asked else ReviewState.UNASKED
    values = {
        "batch_id": batch_id,
        "collection": collection,
        "outcome": str(outcome),
        "state": str(state),
        "priority": priority + min(estimate or UNKNOWN_ESTIMATE, UNKNOWN_ESTIMATE),
        "marks": marks,
        "kinds": _listed(kinds),
        "reasons": _listed(reasons),
        "recorded": recorded or now(),
        "version": found.version + 1 if found is not None else 0,
        "decided_by": "",
        "decided": None,
    }
    statement = insert(session, Review).values(**key, **values)
    session.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))


def _listed(words: Iterable[str]) -> str:
    """Return words as `,a,b,`; empty without any."""
    joined = ",".join(sorted(words))
    return f",{joined}," if joined else ""


def _forget_earlier(session: Session, scan_id: int, recipe_digest: str) -> bool:
    """Remove the entries of earlier contents and recipes of a scan's path; return whether a person waits for a new one.

    Their files were replaced: a decision about them would meet the new result. The decisions themselves are kept.
    """
    scan = session.get_one(Scan, scan_id)
    _replace_sample(session, scan)
    here = select(Scan.id).where(Scan.collection == scan.collection, Scan.path == scan.path)
    earlier = (Review.scan_id.in_(here), or_(Review.scan_id != scan_id, Review.recipe_digest != recipe_digest))
    states = set(session.scalars(select(Review.state).where(*earlier)))
    session.execute(delete(Review).where(*earlier))
    return bool(states & set(AGAIN))


def _replace_sample(session: Session, scan: Scan) -> None:
    """Ask no longer about repairs of a path that were drawn at random, and replaced before anybody looked."""
    here = select(Scan.id).where(Scan.collection == scan.collection, Scan.path == scan.path)
    session.execute(update(Sample).where(Sample.scan_id.in_(here), Sample.verdict == "").values(verdict=REPLACED))


def page(session: Session, wanted: QueueFilter, *, after: tuple[float, int] | None, limit: int) -> list[QueueEntry]:
    """Return entries in the order of their priority, the first that was not returned before.

    Args:
        after: priority and id of the last entry that was returned.
    """
    query = _entries().where(Review.id.in_(_ordered(session, wanted, after, limit)))
    return [QueueEntry(*row) for row in session.execute(query.order_by(Review.priority, Review.id)).all()]


def order(
    session: Session, wanted: QueueFilter, *, after: tuple[float, int] | None, limit: int
) -> list[tuple[float, int]]:
    """Return priority and id of entries as `page` does, without reading what they are about."""
    return [(row.priority, row.id) for row in session.execute(_ordered(session, wanted, after, limit, Review.priority))]


def entries(session: Session, ids: Sequence[int]) -> list[QueueEntry]:
    """Return entries by their ids, those that are there, in the order of their priority."""
    query = _entries().where(Review.id.in_(ids)).order_by(Review.priority, Review.id)
    return [QueueEntry(*row) for row in session.execute(query).all()]


def entry(session: Session, review_id: int, *, locked: bool = False) -> QueueEntry | None:
    """Return one entry, None where there is none.

    Args:
        locked: wait for others that decide about it, and have others wait until the transaction ends.
    """
    query = _entries().where(Review.id == review_id)
    row = session.execute(query.with_for_update(of=Review) if locked else query).first()
    return QueueEntry(*row) if row is not None else None


def latest_decided(session: Session, limit: int) -> list[QueueEntry]:
    """Return the entries that were decided last, the latest first."""
    latest = select(Review.id).where(Review.decided.is_not(None)).order_by(Review.decided.desc()).limit(limit)
    return [QueueEntry(*row) for row in session.execute(_entries().where(Review.id.in_(latest))).all()]


def batch_settings(session: Session, review: Review) -> dict[str, Any]:
    """Return the settings of the collection with which a result was made."""
    found: dict[str, Any] = session.get_one(Batch, review.batch_id).settings
    return found


def waiting(session: Session) -> list[tuple[str, str]]:
    """Return collection and path of every result whose mask waits to be filled, the longest waiting first."""
    query = (
        select(Review.collection, Scan.path)
        .join(Scan, Scan.id == Review.scan_id)
        .where(Review.state == ReviewState.REDO)
        .order_by(Review.decided, Review.id)
    )
    return list(session.execute(query).tuples())


def waiting_for_mask(session: Session, collection: str, path: str) -> list[QueueEntry]:
    """Return the entries of one path whose mask waits to be filled."""
    here = (Review.collection == collection, Scan.path == path, Review.state == ReviewState.REDO)
    return [QueueEntry(*row) for row in session.execute(_entries().where(*here).order_by(Review.id)).all()]


def counts(session: Session, wanted: QueueFilter) -> dict[str, int]:
    """Return how many entries there are in each state."""
    return dict(session.execute(_counted(session, wanted)).tuples().all())


def is_audit(review: Review) -> bool:
    """Return whether people are asked because the repair was drawn at random, see `samples`."""
    return AUDIT <= review.priority < FILLED


def deciders(session: Session) -> list[str]:
    """Return the names of the people who decided last about any result."""
    query = select(Review.decided_by).where(Review.decided_by != "").distinct().order_by(Review.decided_by)
    return list(session.scalars(query))


def decisions(session: Session, review: Review) -> Sequence[Decision]:
    """Return everything that was decided about a result, oldest first."""
    return session.scalars(
        select(Decision)
        .where(Decision.scan_id == review.scan_id, Decision.recipe_digest == review.recipe_digest)
        .order_by(Decision.id)
    ).all()


def advance(session: Session, review: Review, version: int, state: ReviewState, by: str) -> bool:
    """Set an entry's state; return whether it was still at the version that the person saw.

    Two people may decide at once: the statement of the second changes no row.
    """
    changed = session.execute(
        update(Review)
        .where(Review.id == review.id, Review.version == version)
        .values(state=str(state), version=version + 1, decided_by=by, decided=now())
    )
    return bool(changed.rowcount)  # type: ignore[attr-defined]


def _ordered(
    session: Session,
    wanted: QueueFilter,
    after: tuple[float, int] | None,
    limit: int,
    *columns: InstrumentedAttribute[float],
) -> Select[Any]:
    """Return a query for ids in the order of their priority: an index answers it, however many entries there are."""
    chosen: tuple[Any, ...] = (Review.id, *columns)
    query: Select[Any] = select(*chosen).where(*_conditions(session, wanted))
    query = query.order_by(Review.priority, Review.id).limit(limit)
    if after is not None:
        query = query.where(tuple_(Review.priority, Review.id) > tuple_(*after))
    return query


def _counted(session: Session, wanted: QueueFilter) -> Select[str, int]:
    return select(Review.state, func.count()).where(*_conditions(session, wanted)).group_by(Review.state)


def _entries() -> Select[Review, Scan, OutcomeRow, str, str]:
    return (
        select(Review, Scan, OutcomeRow, func.coalesce(Publication.stem, Scan.path), Batch.output)
        .join(Scan, Scan.id == Review.scan_id)
        .join(Batch, Batch.id == Review.batch_id)
        .join(
            OutcomeRow,
            and_(OutcomeRow.scan_id == Review.scan_id, OutcomeRow.recipe_digest == Review.recipe_digest),
        )
        .outerjoin(Publication, and_(Publication.collection == Scan.collection, Publication.path == Scan.path))
        # Entries are changed by statements, of which the session's objects know nothing.
        .execution_options(populate_existing=True)
    )


def _conditions(session: Session, wanted: QueueFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.collection:
        conditions.append(Review.collection == wanted.collection)
    if wanted.batch_id is not None:
        conditions.append(Review.batch_id == wanted.batch_id)
    if wanted.states:
        conditions.append(Review.state.in_(wanted.states))
    if wanted.outcomes:
        conditions.append(Review.outcome.in_(wanted.outcomes))
    for column, words in ((Review.kinds, wanted.kinds), (Review.reasons, wanted.reasons)):
        if words:
            conditions.append(or_(*(column.contains(f",{word},", autoescape=True) for word in words)))
    if wanted.since is not None:
        conditions.append(Review.recorded >= wanted.since)
    if wanted.before is not None:
        conditions.append(Review.recorded < wanted.before)
    if wanted.decided_by:
        conditions.append(Review.decided_by == wanted.decided_by)
    if wanted.text:
        conditions.append(Review.scan_id.in_(scans_with(session, wanted.text)))
    return conditions
