"""Prove that the chain of a collection's events is whole: nothing changed, removed, inserted or moved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pipeline.ledger.chain import GENESIS, Head, digest
from pipeline.ledger.outcome_files import FILES
from pipeline.ledger.tables import Batch, Chain, Decision, Event, OutcomeRow, Scan

Recorded = TypeVar("Recorded", OutcomeRow, Decision)

# Events in memory at a time.
PAGE = 2000
# Digests of published files: columns of an outcome, and figures of the events that recorded them.
PUBLISHED = {sha256.key for _, _, sha256 in FILES}


class Fault(StrEnum):
    """What is wrong with a chain."""

    CHANGED = "changed"
    """An event is not what the next one, or the head, says it was; or one was inserted before it."""
    REMOVED = "removed"
    """Events are missing."""
    INSERTED = "inserted"
    """Events are there that no writer of this program has chained."""
    WITNESS = "differs from what was witnessed"
    """A report, a mail or a person has another sha256 for an event."""
    RESULT = "result differs from its event"
    """The digest of a published file, or the decision of a person, is not one that an event recorded; or a decision
    that an event recorded is not there any more."""


@dataclass(frozen=True)
class Finding:
    """One fault, where it is, and in a sentence what it means."""

    fault: Fault
    position: int
    sentence: str


@dataclass(frozen=True)
class Witness:
    """The sha256 of an event as something outside the ledger has it.

    Attributes:
        sha256: hex; its first digits suffice.
        source: where it was found.
    """

    position: int
    sha256: str
    source: str


@dataclass
class Verification:
    """What was found.

    Attributes:
        head: as the events themselves give it.
        witnessed: how many witnesses agree.
        results: how many outcomes were compared with the events of their publishing.
    """

    collection: str
    head: Head
    findings: list[Finding] = field(default_factory=list)
    witnessed: int = 0
    results: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


def collections(session: Session) -> list[str]:
    """Return the collections that have, or ought to have, a chain; the empty name is that of the ledger as a whole."""
    return sorted(set(session.scalars(select(Chain.collection))) | set(session.scalars(select(Batch.collection))))


def verify(session: Session, collection: str, witnesses: Collection[Witness] = ()) -> Verification:
    """Return what is found on reading every event of a chain; memory does not grow with their number.

    What is added while this reads is not seen.
    """
    _freeze(session)
    chain = session.scalars(select(Chain).where(Chain.collection == collection)).first()
    found = Verification(collection, Head(collection, 0, GENESIS))
    awaited: dict[int, list[Witness]] = {}
    for one in witnesses:
        awaited.setdefault(one.position, []).append(one)
    if chain is not None:
        _read(session, chain, found, awaited)
    for position, those in awaited.items():
        for witness in those:
            sentence = f"{witness.source} names event {position}, which this ledger does not have"
            found.findings.append(Finding(Fault.REMOVED, position, sentence))
    _find_unchained(session, chain, found)
    _compare_results(session, found)
    _compare_decisions(session, found)
    if chain is not None:
        _find_removed_decisions(session, chain, found)
    return found


def _freeze(session: Session) -> None:
    """Read as of one moment, so that what runs add meanwhile is neither missed nor taken for a fault."""
    if session.get_bind().dialect.name == "postgresql" and not session.in_transaction():
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def _read(session: Session, chain: Chain, found: Verification, awaited: dict[int, list[Witness]]) -> None:
    """Follow a chain from its first event to its last, and note what does not fit."""
    position, previous, last = 0, GENESIS, ""
    for event, sha256, what in _events(session, chain.id):
        # The sha256 is of no collection's name: an event of another one with the same paths or batches would fit.
        strangers = {event["batch_of"], event["scan_of"]} - {None, chain.collection}
        if strangers:
            sentence = f"event {event['position']} ({what}) is about {', '.join(sorted(strangers))}"
            found.findings.append(Finding(Fault.CHANGED, event["position"], sentence))
        if event["position"] != position + 1:
            gap = f"events {position + 1} to {event['position'] - 1} are missing"
            found.findings.append(Finding(Fault.REMOVED, position + 1, gap))
        elif event["previous"] != previous:
            sentence = f"event {position} ({last}) is not what event {position + 1} says came before it"
            if not position:
                sentence = "the first event names one before it: events before it were removed"
            found.findings.append(Finding(Fault.CHANGED if position else Fault.REMOVED, max(position, 1), sentence))
        position, previous, last = event["position"], sha256, what
        for witness in awaited.pop(position, ()):
            _compare(found, witness, sha256, what)
    found.head = Head(found.collection, position, previous)
    if position < chain.length:
        sentence = f"events {position + 1} to {chain.length} are missing at the end"
        found.findings.append(Finding(Fault.REMOVED, position + 1, sentence))
    elif position > chain.length:
        sentence = f"events {chain.length + 1} to {position} stand behind the head of the chain"
        found.findings.append(Finding(Fault.INSERTED, chain.length + 1, sentence))
    elif previous != chain.head:
        sentence = f"event {position} ({last}), the last, is not what the head of the chain says"
        found.findings.append(Finding(Fault.CHANGED, position, sentence))


def _compare(found: Verification, witness: Witness, sha256: str, what: str) -> None:
    if sha256.startswith(witness.sha256.lower()):
        found.witnessed += 1
        return
    sentence = (
        f"{witness.source} has {witness.sha256[:16]} for event {witness.position} ({what}); here it is {sha256[:16]}:"
        " that event, or one before it, was changed since"
    )
    found.findings.append(Finding(Fault.WITNESS, witness.position, sentence))


def _events(session: Session, chain_id: int) -> Iterator[tuple[Mapping[str, Any], str, str]]:
    """Yield the events of a chain in order: columns, sha256 as it is now, and what they are in a few words."""
    columns = Event.__table__.columns
    query = (
        select(
            *columns,
            Scan.path,
            Scan.sha256,
            Scan.collection.label("scan_of"),
            Batch.name.label("batch"),
            Batch.collection.label("batch_of"),
        )
        .outerjoin(Scan, Scan.id == Event.scan_id)
        .outerjoin(Batch, Batch.id == Event.batch_id)
        .where(Event.chain_id == chain_id)
        .order_by(Event.position)
        .limit(PAGE)
    )
    last = -1
    while page := [dict(row) for row in session.execute(query.where(Event.position > last)).mappings()]:
        for row in page:
            scan = None if row["scan_id"] is None else (row["path"], row["sha256"])
            what = f"{row['stage']} {row['decision']} of {row['at']:%Y-%m-%d %H:%M:%S} UTC"
            yield row, digest(row, row["batch"], scan), f"{what}, {row['path']}" if row["path"] else what
        last = page[-1]["position"]


def _find_unchained(session: Session, chain: Chain | None, found: Verification) -> None:
    """Note events that are in no chain."""
    _find_orphans(session, found)
    if chain is None:
        mine = select(Batch.id).where(Batch.collection == found.collection)
        if session.scalars(select(Event.id).where(Event.batch_id.in_(mine)).limit(1)).first() is not None:
            sentence = "the collection has events, but its chain was removed"
            found.findings.append(Finding(Fault.REMOVED, 0, sentence))
    count = session.scalar(select(func.count()).select_from(Event).where(Event.chain_id.is_(None)))
    if count:
        sentence = f"{count} events of this ledger, of whatever collection, are in no chain"
        found.findings.append(Finding(Fault.INSERTED, 0, sentence))


def _find_orphans(session: Session, found: Verification) -> None:
    """Note events of chains that are not there: no chain is read for them."""
    known, last = set(session.scalars(select(Chain.id))), -1
    # From one number to the next: an index answers, and not every event is counted.
    query = select(func.min(Event.chain_id))
    while (number := session.scalar(query.where(Event.chain_id > last))) is not None:
        last = number
        if number not in known:
            sentence = f"events of this ledger, of whatever collection, are in chain {number}, which is not there"
            found.findings.append(Finding(Fault.INSERTED, 0, sentence))


def _pages(session: Session, table: type[Recorded], collection: str) -> Iterator[Sequence[tuple[Recorded, str]]]:
    """Yield what the ledger has of the scans of a collection, with their paths, some hundred rows at a time."""
    query = (
        select(table, Scan.path)
        .join(Scan, Scan.id == table.scan_id)
        .where(Scan.collection == collection)
        .order_by(table.id)
        .limit(PAGE // 4)
    )
    last = 0
    while page := session.execute(query.where(table.id > last)).tuples().all():
        last = page[-1][0].id
        yield page
        session.expunge_all()


def _compare_results(session: Session, found: Verification) -> None:
    """Compare the digests of published files with those that the events of their scans recorded."""
    for page in _pages(session, OutcomeRow, found.collection):
        recorded: dict[tuple[int, str], set[str]] = {}
        said = select(Event.scan_id, Event.figures).where(
            Event.scan_id.in_({outcome.scan_id for outcome, _ in page}), Event.stage.in_(("publish", "review"))
        )
        for scan_id, figures in session.execute(said):
            for name in PUBLISHED & figures.keys():
                recorded.setdefault((scan_id, name), set()).add(str(figures[name]))
        for outcome, path in page:
            found.results += 1
            for name in sorted(PUBLISHED):
                # Without an event that names such a file, a batch that this ledger has lost, or an earlier version of
                # this program, published it.
                known, sha256 = recorded.get((outcome.scan_id, name)), getattr(outcome, name)
                if known and sha256 and sha256 not in known:
                    kind = name.removesuffix("_sha256")
                    sentence = f"{path}: no event recorded the sha256 {sha256[:16]} that the ledger has for {kind}"
                    found.findings.append(Finding(Fault.RESULT, 0, sentence))


def _compare_decisions(session: Session, found: Verification) -> None:
    """Compare what people decided with the events of their decisions; those of a scan without any are older."""
    for page in _pages(session, Decision, found.collection):
        recorded: dict[int, set[tuple[str, ...]]] = {}
        for scan_id, said in _recorded_decisions(session, {decision.scan_id for decision, _ in page}):
            recorded.setdefault(scan_id, set()).add(said)
        for one, path in page:
            known = recorded.get(one.scan_id)
            if known and _as_recorded(one) not in known:
                sentence = (
                    f"{path}: no event recorded the decision {one.decision!r} that the ledger has of {one.by_name}"
                )
                found.findings.append(Finding(Fault.RESULT, 0, sentence))


def _find_removed_decisions(session: Session, chain: Chain, found: Verification) -> None:
    """Note decisions that events recorded, and that are not there any more, as often as each is missing."""
    query = (
        select(Event.position, Event.scan_id)
        .where(Event.chain_id == chain.id, Event.stage == "review", Event.scan_id.is_not(None))
        .order_by(Event.position)
        .limit(PAGE // 4)
    )
    last: int | None = -1
    named = set[int]()
    while page := session.execute(query.where(Event.position > last)).all():
        last = page[-1][0]
        scans = {scan_id for _, scan_id in page if scan_id is not None}
        missing = Counter[tuple[int, tuple[str, ...]]](_recorded_decisions(session, scans))
        missing -= Counter(
            (one.scan_id, _as_recorded(one))
            for one in session.scalars(select(Decision).where(Decision.scan_id.in_(scans)))
        )
        ids = {scan_id for scan_id, _ in missing} - named
        paths = dict(session.execute(select(Scan.id, Scan.path).where(Scan.id.in_(ids))).tuples().all()) if ids else {}
        for (scan_id, said), count in missing.items():
            if scan_id in paths:
                sentence = f"{paths[scan_id]}: the decision {said[0]!r} of {said[2]} was removed; an event recorded it"
                found.findings += [Finding(Fault.RESULT, 0, sentence)] * count
        named |= ids
        session.expunge_all()


def _recorded_decisions(session: Session, scans: Collection[int]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield the decisions that events of these scans recorded, each with its scan."""
    query = select(Event.scan_id, Event.decision, Event.figures, Event.message).where(
        Event.scan_id.in_(scans), Event.stage == "review"
    )
    for scan_id, decision, figures, note in session.execute(query).tuples():
        # An event of the review without a user is no person's decision.
        if scan_id is not None and "user" in figures:
            yield scan_id, (decision, *(str(figures.get(name)) for name in ("user", "name", "seen")), note)


def _as_recorded(one: Decision) -> tuple[str, ...]:
    """Return a decision as its event has it."""
    return one.decision, one.by, one.by_name, one.seen, one.note
