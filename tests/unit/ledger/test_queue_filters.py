"""The queue's filters and counts are answered from indexes that hold what is filtered by, however much is left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import Select
from sqlalchemy.dialects import sqlite

from pipeline.ledger import overview, reviews
from pipeline.ledger.database import Ledger
from pipeline.ledger.outcome import Outcome
from pipeline.ledger.reviews import QueueFilter
from pipeline.ledger.tables import Review

FILTERS = {
    "nothing": QueueFilter(),
    "state": QueueFilter(states=("open",)),
    "collection": QueueFilter("c", states=("open",)),
    "kind": QueueFilter(states=("open",), kinds=("crack",)),
    "kind in a collection": QueueFilter("c", states=("open",), kinds=("crack",)),
    "reason": QueueFilter(reasons=("face",)),
    "outcome": QueueFilter(outcomes=("unchanged",)),
    "person": QueueFilter(decided_by="Anna"),
    "time": QueueFilter(states=("open",), since=datetime(2026, 1, 1, tzinfo=UTC)),
}


def plan(ledger: Ledger, query: Select) -> str:
    """Returns how SQLite answers a query."""
    text = str(query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
    with ledger.engine.connect() as connection:
        return " / ".join(row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}"))


@pytest.mark.parametrize("name", FILTERS)
def test_no_row_is_read_to_be_left_out_or_counted(ledger: Ledger, name: str) -> None:
    wanted = FILTERS[name]
    with ledger.read() as session:
        queries = [reviews._ordered(session, wanted, None, 60), reviews._counted(session, replace(wanted, states=()))]
    for query in queries:
        assert "COVERING INDEX" in plan(ledger, query)


def test_filters_find_the_same_on_each_database(either: Ledger, make_batch, make_scan) -> None:
    with either.write() as session:
        batch = make_batch(session)
        for number, (kinds, reasons) in enumerate([("crack", "face"), ("dust crack", ""), ("dust", "text")]):
            scan = make_scan(session, path=f"Mu\u0308ller {number}.png", sha256=f"{number:064x}")
            reviews.enqueue(
                session, scan_id=scan, recipe_digest="r", batch_id=batch, collection="c", outcome=Outcome.UNCHANGED,
                marks=number + 1, estimate=None, kinds=kinds.split(), reasons=reasons.split(),
            )  # fmt: skip
    with either.read() as session:
        first = reviews.order(session, QueueFilter(), after=None, limit=9)[0][1]
    with either.write() as session:
        assert reviews.advance(session, session.get_one(Review, first), 0, reviews.ReviewState.ACCEPTED, "Anna")
    counted = {
        QueueFilter(): {"open": 2, "accepted": 1},
        QueueFilter("c", kinds=("crack",)): {"open": 1, "accepted": 1},
        QueueFilter(kinds=("crack", "dust"), reasons=("text",)): {"open": 1},
        QueueFilter(decided_by="Anna"): {"accepted": 1},
        QueueFilter(text="MÜLLER 2"): {"open": 1},
        QueueFilter(text="2."): {"open": 1},
        QueueFilter(text="Mul"): {},
        QueueFilter(outcomes=("restored",)): {},
        QueueFilter(since=datetime(2100, 1, 1, tzinfo=UTC)): {},
    }
    with either.read() as session:
        for wanted, numbers in counted.items():
            assert reviews.counts(session, wanted) == numbers
            assert len(reviews.order(session, wanted, after=None, limit=9)) == sum(numbers.values())
        assert overview.reviewed(session)["c"].marks == {"open": 5, "accepted": 1}
