"""Decisions: kept, and taken back one by one."""

from __future__ import annotations

from pipeline.ledger import Outcome, decisions, outcomes, reviews
from pipeline.ledger.database import Ledger
from pipeline.ledger.decisions import Verdict
from pipeline.ledger.reviews import QueueFilter, ReviewState


def test_a_result_waits_until_a_person_decides(ledger: Ledger, make_batch, make_scan) -> None:
    with ledger.write() as session:
        scan, batch = make_scan(session), make_batch(session)
        outcomes.record(session, scan_id=scan, recipe_digest="r", batch_id=batch, outcome=Outcome.REVIEW)
        asked = {"scan_id": scan, "recipe_digest": "r", "batch_id": batch, "collection": "c"}
        reviews.enqueue(session, **asked, outcome=Outcome.REVIEW, marks=0, estimate=None)
        (entry,) = reviews.page(session, QueueFilter("c", states=("open",)), after=None, limit=5)
        for verdict in (Verdict.LATER, Verdict.ACCEPT):
            decisions.record(session, entry.review, verdict, by="1", by_name="me", seen="s", previous="open")
        told = reviews.decisions(session, entry.review)
        assert [one.decision for one in told] == ["later", "accept"]
        assert decisions.last_standing(told).decision == "accept"
        decisions.record(session, entry.review, Verdict.UNDO, by="1", by_name="me", seen="s", previous="open")
        assert decisions.last_standing(reviews.decisions(session, entry.review)).decision == "later"
        assert reviews.advance(session, entry.review, 0, ReviewState.LATER, "me")
        assert not reviews.advance(session, entry.review, 0, ReviewState.ACCEPTED, "you")
        assert reviews.counts(session, QueueFilter("c")) == {"later": 1}
        # Done again without anything open, it is shown to the person who put it off.
        reviews.enqueue(session, **asked, outcome=Outcome.RESTORED, marks=0, estimate=30.0)
        (entry,) = reviews.page(session, QueueFilter("c", states=("open",)), after=None, limit=5)
        assert entry.review.version == 2
        reviews.enqueue(session, **asked, outcome=Outcome.UNCHANGED, marks=0, estimate=None)
        assert reviews.counts(session, QueueFilter("c")) == {}


def test_a_new_result_at_a_path_takes_the_place_of_earlier_ones(ledger: Ledger, make_batch, make_scan) -> None:
    with ledger.write() as session:
        batch = make_batch(session)
        old, new = make_scan(session, "a.png", "1" * 64), make_scan(session, "a.png", "2" * 64)
        other = make_scan(session, "b.png", "3" * 64)
        for scan, recipe in ((old, "r"), (other, "r")):
            outcomes.record(session, scan_id=scan, recipe_digest=recipe, batch_id=batch, outcome=Outcome.REVIEW)
            asked = {"scan_id": scan, "recipe_digest": recipe, "batch_id": batch, "collection": "c"}
            reviews.enqueue(session, **asked, outcome=Outcome.REVIEW, marks=0, estimate=None)
        wanted = QueueFilter("c")
        (entry, _) = reviews.page(session, wanted, after=None, limit=5)
        assert reviews.advance(session, entry.review, 0, ReviewState.LATER, "me")
        # A scan that cannot be read leaves the earlier result where it is; a result replaces it.
        for outcome, expected in ((Outcome.QUARANTINED, old), (Outcome.RESTORED, new)):
            outcomes.record(session, scan_id=new, recipe_digest="s", batch_id=batch, outcome=outcome)
            asked = {"scan_id": new, "recipe_digest": "s", "batch_id": batch, "collection": "c"}
            reviews.enqueue(session, **asked, outcome=outcome, marks=0, estimate=None)
            found = reviews.page(session, wanted, after=None, limit=5)
            assert {one.review.scan_id for one in found} == {expected, other}
        # It was put off, so that the new result is shown.
        assert {one.review.state for one in found} == {"open"}
