"""The random sample of each batch: how many, which, once, and what people's decisions make of it."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from pipeline.ledger import batches, events, reviews, samples
from pipeline.ledger.samples import AuditFigures, JudgedBatch, SampleVerdict, Unseen
from pipeline.ledger.tables import Review, Sample
from pipeline.settings.collections import Audit
from pipeline.stages import reconcile as reconcile_module
from pipeline.stages.audit import Level, choose, level_of, sample_size
from pipeline.stages.reconcile import reconcile


@pytest.mark.parametrize(
    ("population", "level", "wanted"),
    [
        (0, Level.NORMAL, 0),
        (4, Level.NORMAL, 4),
        (60, Level.NORMAL, 10),
        (101, Level.NORMAL, 11),
        (60, Level.TIGHTENED, 20),
        (2000, Level.TIGHTENED, 400),
        (60, Level.REDUCED, 5),
        (2000, Level.REDUCED, 100),
    ],
)
def test_ten_or_a_tenth_whichever_is_larger(population: int, level: Level, wanted: int) -> None:
    assert sample_size(population, Audit(), level) == wanted


def test_a_collection_may_ask_for_none() -> None:
    assert sample_size(500, Audit(scans=0, share=0.0), Level.TIGHTENED) == 0


def judged(*false: int) -> list[JudgedBatch]:
    return [JudgedBatch(number, 10, 0, count) for number, count in enumerate(false)]


@pytest.mark.parametrize(
    ("latest_first", "wanted"),
    [
        ((), Level.NORMAL),
        ((0,) * 9, Level.NORMAL),
        ((0,) * 10, Level.REDUCED),
        ((1,) + (0,) * 9, Level.TIGHTENED),
        ((0, 0, 0, 0, 2), Level.TIGHTENED),
        ((0, 0, 0, 0, 0, 2), Level.NORMAL),
        ((0,) * 9 + (1,), Level.NORMAL),
    ],
)
def test_a_false_repair_tightens_and_ten_clean_batches_relax(latest_first: tuple[int, ...], wanted: Level) -> None:
    assert level_of(judged(*latest_first)) is wanted


def test_the_draw_depends_on_the_seed_alone_and_favours_nobody() -> None:
    found = [Unseen(number, "r", f"{number:064x}") for number in range(40)]
    assert choose(found, 10, "batch 1") == choose(found[::-1], 10, "batch 1")
    counts = dict.fromkeys(range(40), 0)
    for batch in range(400):
        for one in choose(found, 10, f"batch {batch}"):
            counts[one.scan_id] += 1
    # 100 expected, standard deviation 8.7.
    assert 65 < min(counts.values()) <= max(counts.values()) < 135


@pytest.fixture
def done(project):
    """Six scans restored with painted masks; three are to be drawn."""
    project.changes["audit"] = {"scans": 3, "share": 0.1}
    for number in range(6):
        project.put(f"{number}.png", number)
    project.restore(project.receive())
    return project


def states(project) -> dict[str, int]:
    with project.ledger.read() as session:
        return reviews.counts(session, reviews.QueueFilter("c"))


def test_a_batch_draws_once_whatever_is_killed_and_repeated(done, monkeypatch) -> None:
    def killed(*_: object, **__: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(reconcile_module.batches, "finish", killed)
        with pytest.raises(SystemExit):
            reconcile(done.work_area())
    assert states(done) == {"unasked": 6}
    with monkeypatch.context() as patch:
        patch.setattr(reconcile_module, "_clean_up", killed)
        with pytest.raises(SystemExit):
            reconcile(done.work_area())
    drawn = states(done)
    reconcile(done.work_area())
    assert states(done) == drawn == {"open": 3, "unasked": 3}
    with done.ledger.read() as session:
        batch = batches.get(session, "c", "b1")
        (event,) = events.of_batch(session, batch.id, "audit")
        asked = session.scalars(select(Review.scan_id).where(Review.state == "open")).all()
        assert sorted(event.figures.pop("scans")) == sorted(asked)
        assert event.figures == {"drawn": 3, "of": 6, "level": "normal", "seed": f"batch {batch.id}"}
        assert samples.figures(session, "c") == AuditFigures(drawn=3)
        assert all(reviews.is_audit(one) == (one.state == "open") for one in session.scalars(select(Review)))


def test_two_attempts_at_once_draw_one_sample(done, monkeypatch) -> None:
    real, entered = reconcile_module._received, []

    def received(*given: object) -> dict[int, str]:
        if not entered:
            entered.append(1)
            found = real(*given)
            reconcile(done.work_area())
            return found
        return real(*given)

    monkeypatch.setattr(reconcile_module, "_received", received)
    reconcile(done.work_area())
    assert states(done) == {"open": 3, "unasked": 3}


def test_a_result_that_was_replaced_is_asked_about_no_longer(done) -> None:
    reconcile(done.work_area())
    with done.ledger.read() as session:
        first = session.scalars(select(Sample).order_by(Sample.id)).first()
    with done.ledger.write() as session:
        for one in session.scalars(select(Sample).where(Sample.id != first.id)):
            one.verdict = str(SampleVerdict.SOUND)
    with done.ledger.read() as session:
        assert not samples.judged_batches(session, "c", 10)
    with done.ledger.write() as session:
        reviews.enqueue(
            session, scan_id=first.scan_id, recipe_digest="other", batch_id=first.batch_id, collection="c",
            outcome=reconcile_module.Outcome.RESTORED, marks=0, estimate=None,
        )  # fmt: skip
    with done.ledger.read() as session:
        (batch,) = samples.judged_batches(session, "c", 10)
        assert (batch.drawn, batch.open, batch.false) == (2, 0, 0)
        assert samples.figures(session, "c") == AuditFigures(drawn=2, decided=2)
