"""Verifying: whoever changes, removes, inserts or moves an event is found, and so is who changes what it is about."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text

from pipeline.ledger import Outcome, TaskContext, chain, events, outcomes
from pipeline.ledger.database import Ledger
from pipeline.ledger.tables import Decision, Scan
from pipeline.ledger.verify import Fault, Witness, collections, verify

COUNT = 6


@pytest.fixture
def chained(either: Ledger, make_batch, make_scan) -> Ledger:
    """A collection with six events, one of them of publishing, and the outcome that it recorded."""
    with either.write() as session:
        batch, scan = make_batch(session), make_scan(session)
        for number in range(COUNT - 1):
            events.append(session, batch, TaskContext(), [events.EventRecord(scan, "mask", decision=str(number))])
        published = {"restored_sha256": "a" * 64, "sidecar_sha256": "b" * 64}
        events.append(session, batch, TaskContext(), [events.EventRecord(scan, "publish", figures=published)])
        key = {"scan_id": scan, "recipe_digest": "r", "batch_id": batch}
        outcomes.record(session, **key, outcome=Outcome.RESTORED, **published)
    return either


def tamper(ledger: Ledger, *statements: str) -> None:
    """Do what only somebody with the database's own tools can."""
    with ledger.write() as session:
        if ledger.engine.dialect.name == "sqlite":
            for name in ("update", "delete"):
                session.execute(text(f"DROP TRIGGER ledger_events_no_{name}"))
            session.execute(text("DROP TRIGGER ledger_events_chained"))
        else:
            session.execute(text("ALTER TABLE ledger_events DISABLE TRIGGER ledger_events_append_only"))
            session.execute(text("ALTER TABLE ledger_events DROP CONSTRAINT ledger_events_chained"))
        for statement in statements:
            session.execute(text(statement))


def faults(ledger: Ledger, *witnesses: Witness) -> list[tuple[Fault, int]]:
    with ledger.read() as session:
        return [(one.fault, one.position) for one in verify(session, "c", witnesses).findings]


def head(ledger: Ledger) -> chain.Head:
    with ledger.read() as session:
        return chain.head(session, "c")


def test_a_whole_chain_has_no_faults(chained: Ledger) -> None:
    with chained.read() as session:
        found = verify(session, "c", [Witness(COUNT, head(chained).sha256[:12].upper(), "paper")])
        assert found.is_whole and found.witnessed == 1 and found.results == 1
        assert found.head == head(chained) and str(found.head).startswith(f"{COUNT}:")
        assert collections(session) == ["c"]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE ledger_events SET message = 'x' WHERE position = 3", (Fault.CHANGED, 3)),
        ("UPDATE ledger_events SET at = '2020-01-01 00:00:00+00:00' WHERE position = 1", (Fault.CHANGED, 1)),
        ("UPDATE ledger_events SET decision = 'x' WHERE position = 6", (Fault.CHANGED, 6)),
        ("UPDATE ledger_scans SET path = 'other.png'", (Fault.CHANGED, 1)),
        ("UPDATE ledger_batches SET name = 'other'", (Fault.CHANGED, 1)),
        ("DELETE FROM ledger_events WHERE position = 1", (Fault.REMOVED, 1)),
        ("DELETE FROM ledger_events WHERE position IN (3, 4)", (Fault.REMOVED, 3)),
        ("DELETE FROM ledger_events WHERE position = 6", (Fault.REMOVED, 6)),
        ("UPDATE ledger_events SET position = 9 WHERE position = 6", (Fault.REMOVED, 6)),
        ("DELETE FROM ledger_chains", (Fault.REMOVED, 0)),
        ("DELETE FROM ledger_chains", (Fault.INSERTED, 0)),
        ("UPDATE ledger_events SET chain_id = 9, position = 1 WHERE position = 6", (Fault.INSERTED, 0)),
        ("UPDATE ledger_batches SET collection = 'other'", (Fault.CHANGED, 1)),
        ("UPDATE ledger_scans SET collection = 'other'", (Fault.CHANGED, 1)),
        ("UPDATE ledger_events SET chain_id = NULL WHERE position = 6", (Fault.INSERTED, 0)),
        ("UPDATE ledger_outcomes SET restored_sha256 = 'f'", (Fault.RESULT, 0)),
        ("UPDATE ledger_outcomes SET sidecar_sha256 = 'f'", (Fault.RESULT, 0)),
    ],
)
def test_every_change_is_found(chained: Ledger, statement: str, expected: tuple[Fault, int]) -> None:
    tamper(chained, statement)
    assert expected in faults(chained)


def test_an_inserted_event_is_found_also_where_the_following_were_renumbered(chained: Ledger) -> None:
    columns = (
        "stage, kind, decision, message, figures, seconds, dag_id, run_id, task_id, map_index, try_number, host, at"
    )
    insert = f"INSERT INTO ledger_events (chain_id, position, previous, {columns})"
    tamper(
        chained,
        "UPDATE ledger_events SET position = position + 100 WHERE position > 3",
        "UPDATE ledger_events SET position = position - 99 WHERE position > 100",
        f"{insert} SELECT chain_id, 4, previous, {columns} FROM ledger_events WHERE position = 3",
        "UPDATE ledger_chains SET length = length + 1",
    )
    assert (Fault.CHANGED, 3) in faults(chained)


def test_two_events_that_changed_places_are_found(chained: Ledger) -> None:
    tamper(
        chained,
        "UPDATE ledger_events SET position = 100 WHERE position = 2",
        "UPDATE ledger_events SET position = 2 WHERE position = 3",
        "UPDATE ledger_events SET position = 3 WHERE position = 100",
    )
    assert {fault for fault, _ in faults(chained)} == {Fault.CHANGED}


@pytest.mark.parametrize("change", ["decision = 'reject'", "by_name = 'bert'", "note = 'x'", "seen = 'x'"])
def test_a_decision_that_no_event_recorded_is_found(chained: Ledger, change: str) -> None:
    with chained.write() as session:
        scan = session.scalars(select(Scan)).one()
        fixed = {"recipe_digest": "r", "by": "1", "by_name": "anna", "note": "ä", "seen": "a" * 64}
        session.add(Decision(scan_id=scan.id, decision="accept", at=scan.first_seen, **fixed))
        figures = {"user": "1", "name": "anna", "seen": "a" * 64}
        record = events.EventRecord(scan.id, "review", "quality review", "accept", "ä", figures)
        events.append(session, None, TaskContext(), [record])
    assert faults(chained) == []
    with chained.write() as session:
        session.execute(text(f"UPDATE ledger_decisions SET {change}"))
    # It is not what was recorded, and what was recorded is gone.
    assert faults(chained) == [(Fault.RESULT, 0)] * 2


@pytest.mark.parametrize(("kept", "expected"), [(2, 0), (1, 1), (0, 2)])
def test_a_decision_that_was_removed_is_found(chained: Ledger, kept: int, expected: int) -> None:
    with chained.write() as session:
        scan = session.scalars(select(Scan)).one()
        one = {"recipe_digest": "r", "by": "1", "by_name": "anna", "note": "", "seen": "a" * 64, "decision": "accept"}
        session.add_all([Decision(scan_id=scan.id, at=scan.first_seen, **one) for _ in range(kept)])
        figures = {"user": "1", "name": "anna", "seen": "a" * 64}
        # The same twice, since it was taken back in between.
        record = events.EventRecord(scan.id, "review", "quality review", "accept", "", figures)
        events.append(session, None, TaskContext(), [record, record])
    assert faults(chained) == [(Fault.RESULT, 0)] * expected
    with chained.read() as session:
        sentences = [one.sentence for one in verify(session, "c").findings]
    assert all("the decision 'accept' of anna" in one and "was removed" in one for one in sentences)


def test_one_change_is_one_finding(chained: Ledger) -> None:
    tamper(chained, "UPDATE ledger_events SET message = 'x' WHERE position = 3")
    assert faults(chained) == [(Fault.CHANGED, 3)]


def test_who_rewrites_the_whole_chain_is_found_by_what_was_printed(chained: Ledger) -> None:
    printed = Witness(COUNT, head(chained).sha256, "the report of batch b1")
    earlier = Witness(2, "0" * 64, "a mail")
    tamper(chained, "DELETE FROM ledger_events WHERE position = 6", "UPDATE ledger_chains SET length = 5")
    with chained.write() as session:
        session.execute(text("UPDATE ledger_chains SET head = :head"), {"head": verify(session, "c").head.sha256})
    assert faults(chained) == [], "the chain alone is whole again"
    assert faults(chained, printed, earlier) == [(Fault.WITNESS, 2), (Fault.REMOVED, COUNT)]


def test_what_is_added_meanwhile_is_no_fault(chained: Ledger, make_batch) -> None:
    with chained.read() as session:
        first = verify(session, "c")
        if chained.engine.dialect.name == "postgresql":
            with chained.write() as other:
                batch = make_batch(other)
                events.append(other, batch, TaskContext(), [events.EventRecord(None, "report")])
        assert verify(session, "c").head == first.head
