"""Scans: contents of a path, and duplicates of a content."""

from __future__ import annotations

from sqlalchemy import select

from pipeline.ledger import Outcome, outcomes, scans
from pipeline.ledger.database import Ledger
from pipeline.ledger.tables import Scan


def test_a_replaced_file_is_a_new_scan_and_the_old_one_loses_its_fingerprint(ledger: Ledger, make_scan) -> None:
    with ledger.write() as session:
        first = make_scan(session, sha256="1" * 64, fingerprint="old")
        second = make_scan(session, sha256="2" * 64, fingerprint="new")
        assert first != second
        assert make_scan(session, sha256="2" * 64, fingerprint="new") == second
        seen = scans.find_matches(session, "c", ["a.png", "unknown.png"], "r")
        assert [(one.scan_id, one.fingerprint, one.outcome) for one in seen["a.png"]] == [
            (first, "", None),
            (second, "new", None),
        ]
        assert "unknown.png" not in seen


def test_an_outcome_is_returned_while_its_results_are_the_published_ones(ledger: Ledger, make_batch, make_scan) -> None:
    with ledger.write() as session:
        batch, first = make_batch(session), make_scan(session, sha256="1" * 64)

        def state() -> list[tuple[str | None, str]]:
            found = scans.find_matches(session, "c", ["a.png"], "r")["a.png"]
            return [(one.outcome, one.recipe_digest) for one in found]

        outcomes.record(session, scan_id=first, recipe_digest="r", batch_id=batch, outcome=Outcome.RESTORED)
        assert state() == [("restored", "r")]
        outcomes.record(session, scan_id=first, recipe_digest="s", batch_id=batch, outcome=Outcome.UNCHANGED)
        assert state() == [("unchanged", "s")]
        second = make_scan(session, sha256="2" * 64)
        outcomes.record(session, scan_id=second, recipe_digest="s", batch_id=batch, outcome=Outcome.REVIEW)
        assert state() == [(None, ""), ("review", "s")]


def test_a_duplicate_has_the_same_bytes_and_a_usable_result(ledger: Ledger, make_batch, make_scan) -> None:
    with ledger.write() as session:
        batch = make_batch(session)
        a, b = make_scan(session, "a.png"), make_scan(session, "b.png", sha256="2" * 64)
        assert scans.find_duplicate(session, "c", "1" * 64, "r") is None
        outcomes.record(session, scan_id=a, recipe_digest="r", batch_id=batch, outcome=Outcome.RESTORED)
        outcomes.record(session, scan_id=b, recipe_digest="r", batch_id=batch, outcome=Outcome.QUARANTINED)
        found = scans.find_duplicate(session, "c", "1" * 64, "r")
        assert found is not None and found[0].path == "a.png"
        assert scans.find_duplicate(session, "c", "2" * 64, "r") is None


def test_any_path_is_stored_unchanged(ledger: Ledger, make_scan) -> None:
    path = "Größe <b>&'\"\n\r;DROP TABLE.png"
    with ledger.write() as session:
        make_scan(session, path)
    with ledger.read() as session:
        assert session.scalars(select(Scan.path)).one() == path
