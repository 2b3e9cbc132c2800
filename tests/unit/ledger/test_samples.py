"""Samples, and how collections stand as a whole, on both databases."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select, update

from pipeline.ledger import batches, notices, outcomes, overview, reviews, samples, usage
from pipeline.ledger.database import Ledger
from pipeline.ledger.outcome import Outcome
from pipeline.ledger.rows import now
from pipeline.ledger.samples import AuditFigures, JudgedBatch, SampleVerdict
from pipeline.ledger.tables import Review, Sample


def restored(session, make_scan, batch: int, number: int) -> int:
    """Writes a repair that nobody is asked about."""
    scan = make_scan(session, f"{number}.png", f"{number:064x}")
    outcomes.record(
        session, scan_id=scan, recipe_digest="r", batch_id=batch, outcome=Outcome.RESTORED, restored_sha256=f"d{number}"
    )
    reviews.enqueue(
        session, scan_id=scan, recipe_digest="r", batch_id=batch, collection="c", outcome=Outcome.RESTORED, marks=0,
        estimate=30.0 + number,
    )  # fmt: skip
    return scan


def test_a_sample_is_asked_about_judged_and_counted(either: Ledger, make_batch, make_scan) -> None:
    with either.write() as session:
        first, second = make_batch(session, "b1"), make_batch(session, "b2")
        for number in range(6):
            restored(session, make_scan, first if number < 4 else second, number)
        for batch in (first, second):
            found = sorted(samples.unseen(session, batch), key=lambda one: one.scan_id)
            samples.draw(session, "c", batch, found[:2])
            samples.draw(session, "c", batch, found[:2])
    with either.write() as session:
        assert len(samples.unseen(session, first)) == 2 and samples.judged_batches(session, "c", 10) == []
        asked = session.scalars(select(Review).where(Review.state == "open").order_by(Review.id)).all()
        assert len(asked) == 4 and all(map(reviews.is_audit, asked))
        samples.judge(session, asked[0], "d0", SampleVerdict.FALSE)
        # Of another derivative nothing was said.
        samples.judge(session, asked[1], "another", SampleVerdict.SOUND)
        for one, sha256 in zip(asked[2:], ("d4", "d5"), strict=True):
            samples.judge(session, one, sha256, SampleVerdict.SOUND)
    with either.write() as session:
        assert samples.judged_batches(session, "c", 10) == [JudgedBatch(second, 2, 0, 0), JudgedBatch(first, 2, 1, 1)]
        assert samples.figures(session, "c") == AuditFigures(drawn=4, decided=3, false=1)
        assert samples.figures(session, "other") == AuditFigures()
        session.execute(update(Sample).where(Sample.batch_id == first).values(drawn=now() - samples.LATELY))
        assert samples.all_figures(session) == {"c": AuditFigures(drawn=2, decided=2)}


def test_collections_stand_as_their_batches_do(either: Ledger, make_batch, make_scan) -> None:
    with either.write() as session:
        old, last = make_batch(session, "b1"), make_batch(session, "b2")
        restored(session, make_scan, last, 1)
        batches.finish(session, old, {"restored": 1})
        notices.begin(session, "c", "stopped b2", "the disk is full")
        usage.record(session, "c", "/out", 3, 9)
        usage.record(session, "c", "/out", 4, 10)
    with either.read() as session:
        found = overview.recent_batches(session, now() + timedelta(days=1))
        assert [one.name for one in found] == ["b2"], "the last, however old"
        assert len(overview.recent_batches(session, now() - timedelta(days=1))) == 2
        assert [(one.batch.id, one.done) for one in overview.progress(session, found)] == [(last, 1)]
        (told,) = overview.reviewed(session).values()
        assert (told.results, told.marks) == ({"unasked": 1}, {"unasked": 0})
        assert [one.subject for one in overview.recent_notices(session, now() - timedelta(hours=1))] == ["stopped b2"]
        assert [(one.files, one.bytes) for one in usage.known(session)] == [(4, 10)]
