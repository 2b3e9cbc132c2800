"""An older ledger put back, or none at all: what lies in the output is recognised by its sidecars."""

from __future__ import annotations

import numpy as np
import pytest
from image_files import png
from small_project import count_outcomes
from sqlalchemy import select

from pipeline.errors import ConfigurationError
from pipeline.ledger.database import Ledger
from pipeline.ledger.migrate import shared_ledger
from pipeline.ledger.tables import Batch, Event, OutcomeRow, Review
from pipeline.settings import Audit, settings
from pipeline.stages import manifest
from pipeline.stages.reconcile import reconcile


def lose_ledger(project) -> Ledger:
    """Gives the project an empty ledger."""
    project.ledger.close()
    for file in project.output.parent.glob("ledger.db*"):
        file.unlink()
    shared_ledger.cache_clear()
    project.ledger = shared_ledger(settings().ledger_url)
    return project.ledger


def run_all(project) -> None:
    project.restore(project.receive())
    reconcile(project.work_area())


def taken(project) -> list[tuple[str, str]]:
    rows = [row for chunk in project.receive() for row in manifest.read(chunk)]
    return [(row.path, row.again) for row in rows]


def test_results_in_the_output_are_recognised_and_not_made_again(project) -> None:
    # A random sample belongs to its batch: of what is recognised none is drawn again.
    project.changes["audit"] = Audit(scans=0, share=0)
    project.put("a.png")
    project.put("box/b.png", 1, painted=False)
    run_all(project)
    before = {path: path.stat().st_mtime_ns for path in project.output.rglob("*") if path.is_file()}
    with project.ledger.read() as session:
        known = {one.sidecar_uri: one for one in session.scalars(select(OutcomeRow))}
        asked = session.execute(select(Review.outcome, Review.state, Review.priority).order_by(Review.id)).all()
    lose_ledger(project)
    project.put("c.png", 2)
    assert taken(project) == [("c.png", "")], "only what is new"
    assert {path: path.stat().st_mtime_ns for path in before if path.exists()} == before
    with project.ledger.read() as session:
        found = {one.sidecar_uri: one for one in session.scalars(select(OutcomeRow))}
        again = session.execute(select(Review.outcome, Review.state, Review.priority).order_by(Review.id)).all()
        assert again == asked, "what a person is asked to look at"
        assert session.scalars(select(Batch.state).where(Batch.name == "b1")).one() == "done"
        assert [one.decision for one in session.scalars(select(Event).where(Event.decision == "recognised"))]
    same = ("outcome", "recipe_digest", "restored_uri", "restored_sha256", "mask_uri", "mask_sha256", "sidecar_sha256")
    same = (*same, "mask_given", "restored_bytes", "code_version")
    assert [[getattr(found[uri], name) for name in same] for uri in known] == [
        [getattr(one, name) for name in same] for one in known.values()
    ]
    assert found.keys() == known.keys()
    for uri, one in known.items():
        assert found[uri].figures.items() <= one.figures.items()
        assert {"decision", "coverage", "mask_source", "components"} <= found[uri].figures.keys()


def test_what_is_not_intact_or_has_another_mask_is_done_again(project) -> None:
    for number, name in enumerate(("cut.png", "gone.png", "mask.png", "new.png", "sure.png")):
        project.put(name, number)
    run_all(project)
    lose_ledger(project)
    (project.output / "restored/cut.png").write_bytes(b"edited by hand")
    (project.output / "masks/gone.png").unlink()
    (project.inbox / "mask.mask.png").write_bytes(png(np.full((96, 128), 7, np.uint8) * np.uint8(0)))
    project.put("new.png", 9)
    assert taken(project) == [("cut.png", ""), ("gone.png", ""), ("mask.png", "mask"), ("new.png", "")]
    assert count_outcomes(project) == {"restored": 2}


def test_an_earlier_recipe_is_recognised_as_such(project) -> None:
    from pipeline.settings import Recipe

    project.put("a.png")
    run_all(project)
    lose_ledger(project)
    project.changes["recipe"] = Recipe(engine="navier-stokes", detector="none")
    assert taken(project) == [("a.png", "recipe")]


def test_an_older_ledger_put_back_says_what_to_do_in_tasks_of_batches_that_it_does_not_know(project) -> None:
    project.put("a.png")
    project.restore(project.receive())
    lose_ledger(project)
    with pytest.raises(ConfigurationError, match=r"older ledger put back.*start the collection again"):
        reconcile(project.work_area())
