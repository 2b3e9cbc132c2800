"""The chain of events: what is chained, by whom, and that nobody leaves a gap."""

from __future__ import annotations

import hashlib
import json
import math
import multiprocessing
import time
from datetime import UTC, datetime
from enum import StrEnum

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError

from pipeline.ledger import TaskContext, chain, claims, events
from pipeline.ledger.database import Ledger
from pipeline.ledger.tables import Batch, Event
from pipeline.ledger.verify import verify
from pipeline.upkeep.rename import rename

WRITERS = 16
FORK = multiprocessing.get_context("fork")


class Word(StrEnum):
    ONE = "1"


def record(scan: int | None = None, **values) -> events.EventRecord:
    return events.EventRecord(scan, "mask", **values)


def test_the_digest_is_that_of_the_documented_json(either: Ledger, make_batch, make_scan) -> None:
    with either.write() as session:
        batch, scan = make_batch(session, "Nacht 1"), make_scan(session, "ü.png")
        at = datetime(2026, 11, 30, 20, 15, tzinfo=UTC)
        one = record(scan, message="é\n", figures={"coverage": 0.1, "none": math.nan}, seconds=2, at=at)
        events.append(session, batch, TaskContext("d", "r", "t", 3, 1), [one])
    expected = (
        '{"at":"2026-11-30T20:15:00.000000Z","batch":"Nacht 1","dag_id":"d","decision":"",'
        '"figures":{"coverage":0.1,"none":null},"host":' + json.dumps(chain_host(either)) + ',"kind":"","map_index":3,'
        '"message":"\\u00e9\\n","position":1,"previous":"' + "0" * 64 + '","run_id":"r",'
        f'"scan":{{"path":"\\u00fc.png","sha256":"{"1" * 64}"}},"seconds":2.0,"stage":"mask",'
        '"task_id":"t","try_number":1}'
    )
    with either.read() as session:
        head = chain.head(session, "c")
    assert (head.position, head.sha256) == (1, hashlib.sha256(expected.encode()).hexdigest())


def chain_host(ledger: Ledger) -> str:
    with ledger.read() as session:
        return session.scalars(select(Event.host)).one()


@pytest.mark.parametrize(
    "figures", [{1: (2, 3)}, {"a": 1e16, "b": -0.0, "c": 0.1 + 0.2}, {"ä": Word.ONE}, {"z": {"y": [None]}}]
)
def test_what_the_database_gives_back_has_the_same_digest(either: Ledger, make_batch, figures) -> None:
    with either.write() as session:
        events.append(session, make_batch(session), TaskContext(), [record(figures=figures, seconds=0.1 + 0.2)] * 2)
    with either.read() as session:
        assert verify(session, "c").is_whole


def test_events_of_one_transaction_are_written_together_or_not_at_all(either: Ledger, make_batch) -> None:
    with either.write() as session:
        batch = make_batch(session)
        events.append(session, batch, TaskContext(), [record(decision="kept")])
    with pytest.raises(RuntimeError), either.write() as session:
        events.append(session, batch, TaskContext(), [record(decision="lost")])
        raise RuntimeError
    with either.write() as session:
        events.append(session, batch, TaskContext(), [record(decision="taken back")])
        session.rollback()
    with either.write() as session:
        events.append(session, batch, TaskContext(), [record()])
        assert len(events.of_batch(session, batch, "mask")) == 2, "a transaction sees its own events"
    with either.read() as session:
        assert session.scalars(select(Event.decision).order_by(Event.position)).all() == ["kept", ""]
        assert verify(session, "c").head == chain.head(session, "c")


def test_collections_and_the_ledger_as_a_whole_have_their_own_chains(either: Ledger, make_batch) -> None:
    with either.write() as session:
        events.append(session, make_batch(session), TaskContext(), [record()] * 2)
        events.append(session, None, TaskContext(), [record()])
        events.append(session, None, TaskContext(), [record()] * 3, collection="d")
    with either.read() as session:
        assert [chain.head(session, name).position for name in ("c", "", "d", "unknown")] == [2, 1, 3, 0]
        assert all(verify(session, name).is_whole for name in ("c", "", "d", "unknown"))


def test_an_event_of_a_scan_goes_where_its_collection_was_renamed_to(either: Ledger, make_batch, make_scan) -> None:
    with either.write() as session:
        scan = make_scan(session)
        events.append(session, make_batch(session), TaskContext(), [record(scan)])
        session.execute(update(Batch).values(state="done"))
    rename(either, "c", "d")
    with either.write() as session:
        # Who had to wait for the chain has read the old name.
        events.append(session, None, TaskContext(), [record(scan)], collection="c")
    with either.read() as session:
        assert chain.head(session, "c").position == 0
        assert verify(session, "d").is_whole and verify(session, "d").head.position == 3


def test_an_event_in_no_chain_is_refused(either: Ledger, make_batch) -> None:
    with either.write() as session:
        events.append(session, make_batch(session), TaskContext(), [record()])
    copied = ", ".join(
        c.name for c in Event.__table__.columns if c.name not in ("id", "chain_id", "position", "previous")
    )
    with pytest.raises(DBAPIError, match="chained"), either.write() as session:
        session.execute(text(f"INSERT INTO ledger_events ({copied}) SELECT {copied} FROM ledger_events"))


def write(url: str, batch: int, scans: list[int], count: int, many: int) -> None:
    """Write events, with rows locked before and after they are given, as stages do."""
    ledger = Ledger(url)
    for number in range(count):
        with ledger.write() as session:
            claims.take(session, batch, "r", scans)
            events.append(session, batch, TaskContext(), [record(decision=str(number))] * many)
            claims.release(session, batch)


def test_sixteen_writers_in_two_batches_make_one_chain(either: Ledger, make_batch, make_scan) -> None:
    with either.write() as session:
        batches = [make_batch(session, name) for name in ("b1", "b2")]
        scans = [make_scan(session, f"{number}.png") for number in range(4)]
    writers = [
        FORK.Process(target=write, args=(either.url, batches[number % 2], scans, 10, 3)) for number in range(WRITERS)
    ]
    for one in writers:
        one.start()
    for one in writers:
        one.join(120)
    assert [one.exitcode for one in writers] == [0] * WRITERS
    with either.read() as session:
        found = verify(session, "c")
        assert found.is_whole and found.head.position == WRITERS * 10 * 3


def length(ledger: Ledger) -> int:
    with ledger.read() as session:
        return chain.head(session, "c").position


def test_killed_writers_leave_no_gap(either: Ledger, make_batch, make_scan) -> None:
    with either.write() as session:
        batch, scan = make_batch(session), make_scan(session)
    writers = [FORK.Process(target=write, args=(either.url, batch, [scan], 100_000, 2)) for _ in range(4)]
    for one in writers:
        one.start()
    for one in writers:
        written = length(either)
        while length(either) < written + 10:
            time.sleep(0.01)
        one.kill()
        one.join()
    with either.write() as session:
        events.append(session, batch, TaskContext(), [record()])
    with either.read() as session:
        found = verify(session, "c")
        assert found.is_whole and found.head.position > 4 * 10
