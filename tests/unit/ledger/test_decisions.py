"""Decisions about scans in review."""

from __future__ import annotations

from pipeline.ledger import Outcome, decisions, outcomes
from pipeline.ledger.database import Ledger


def test_a_scan_waits_for_review_until_a_person_decides(ledger: Ledger, make_batch, make_scan) -> None:
    with ledger.write() as session:
        scan = make_scan(session)
        outcomes.record(session, scan_id=scan, recipe_digest="r", batch_id=make_batch(session), outcome=Outcome.REVIEW)
        assert [one.id for one, _ in decisions.waiting(session, "c")] == [scan]
        decisions.decide(session, scan_id=scan, recipe_digest="r", verdict=decisions.Verdict.REJECT, by="me")
        assert decisions.waiting(session, "c") == []
