"""Outcomes: one per scan and recipe, and which files they replaced."""

from __future__ import annotations

from sqlalchemy import select

from pipeline.ledger import Outcome, outcomes
from pipeline.ledger.database import Ledger
from pipeline.ledger.tables import OutcomeRow


def test_a_new_outcome_replaces_every_value_of_the_old_one(ledger: Ledger, make_batch, make_scan) -> None:
    with ledger.write() as session:
        batch, scan = make_batch(session), make_scan(session)
        about = {"scan_id": scan, "recipe_digest": "r", "batch_id": batch}
        outcomes.record(session, **about, outcome=Outcome.RESTORED, restored_uri="x", figures={"psnr": 1.5})
        outcomes.record(session, **about, outcome=Outcome.UNCHANGED)
        assert session.scalars(select(OutcomeRow.outcome)).all() == ["unchanged"]
        found = outcomes.of_scans(session, "r", [scan])[scan]
        assert (found.restored_uri, found.figures, found.reason) == ("", {}, "")
        assert outcomes.of_scans(session, "other", [scan]) == {}
        assert found.recorded.tzinfo is not None


def test_replaced_files_of_a_path_are_returned_with_their_last_digest(ledger: Ledger, make_batch, make_scan) -> None:
    with ledger.write() as session:
        old, new, other = make_scan(session), make_scan(session, sha256="2" * 64), make_scan(session, path="b.png")
        batch = make_batch(session)

        def record(scan: int, recipe: str, **files: str) -> None:
            about = {"batch_id": batch, "outcome": Outcome.RESTORED}
            outcomes.record(session, scan_id=scan, recipe_digest=recipe, **about, **files)

        record(old, "r", restored_uri="/r/a.tif", restored_sha256="1", mask_uri="/m/a.png", mask_sha256="2")
        record(new, "s", mask_uri="/m/a.png", mask_sha256="3", suggested_uri="/s/a.png", suggested_sha256="4")
        record(other, "r", restored_uri="/r/b.png", restored_sha256="5")
        found = outcomes.superseded(session, "c", "a.png", ("/s/a.png", "", ""))
        assert found == {"/r/a.tif": "1", "/m/a.png": "3"}
        assert outcomes.superseded(session, "other", "a.png", ()) == {}
