"""Access copies are published, recorded, checked, withdrawn and replaced with their derivatives."""

from __future__ import annotations

import hashlib
import io
import json

import jsonschema
from PIL import Image
from sidecar_fields import strict
from sqlalchemy import select

from pipeline.cli import main
from pipeline.ledger.decisions import Verdict
from pipeline.ledger.tables import OutcomeRow, Review
from pipeline.provenance.sidecar import SCHEMA
from pipeline.review.access import Right, User
from pipeline.review.decisions.decide import decide
from pipeline.settings import Access
from pipeline.stages.reconcile import reconcile

USER = User("1", "A", frozenset(Right))


def restored(project, **settings):
    project.changes["access"] = Access(**settings)
    project.put("box/ä b.png")
    project.put("plain.png", 1, painted=False)
    project.restore(project.receive())
    reconcile(project.work_area())
    return project.output / "access/box/ä b.jpg"


def test_it_lies_beside_the_derivative_and_sidecar_and_ledger_have_it(project) -> None:
    copy = restored(project, long_side=64, note="Note")
    data = copy.read_bytes()
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.width == 64 and picture.height > 48, "the note has a band"
        assert b"compositeWithTrainedAlgorithmicMedia" not in data and b"algorithmicallyEnhanced" in data, "telea"
        size = picture.size
    document = json.loads((project.output / "sidecars/box/ä b.json").read_text())
    jsonschema.validate(document, strict(json.loads(SCHEMA.read_text())))
    said = document["access"]
    assert (said["path"], said["sha256"]) == ("access/box/ä b.jpg", hashlib.sha256(data).hexdigest())
    assert (said["width"], said["height"], said["bytes"]) == (*size, len(data))
    assert not (project.output / "access/plain.jpg").exists(), "nothing was restored"
    assert json.loads((project.output / "sidecars/plain.json").read_text())["access"] is None
    with project.ledger.read() as session:
        assert session.scalars(select(OutcomeRow.access_sha256).order_by(OutcomeRow.id)).all() == [said["sha256"], ""]


def test_checks_bags_and_traces_have_it(project, tmp_path, capsys) -> None:
    copy = restored(project)
    assert main(["bag", str(project.output), str(tmp_path / "bag")]) == 0
    assert (tmp_path / "bag/data/access/box/ä b.jpg").read_bytes() == copy.read_bytes()
    main(["trace", "ä b.png"])
    assert "access copy" in capsys.readouterr().out
    copy.write_bytes(b"another")
    assert main(["fixity", str(project.output)]) == 1
    assert "access copy" in capsys.readouterr().err


def test_it_goes_and_comes_back_with_the_derivative(project) -> None:
    copy = restored(project)
    data = copy.read_bytes()
    with project.ledger.read() as session:
        review = session.scalars(select(Review).where(Review.outcome == "restored")).one()
    entry = decide(project.ledger, review.id, review.version, Verdict.REJECT, USER)
    withdrawn = project.output / "withdrawn/access/box/ä b.jpg"
    assert not copy.exists() and withdrawn.read_bytes() == data
    said = json.loads((project.output / "sidecars/box/ä b.json").read_text())["access"]
    assert said["path"] == "withdrawn/access/box/ä b.jpg" and said["uri"] == str(withdrawn)
    assert main(["fixity", str(project.output)]) == 0
    decide(project.ledger, review.id, entry.review.version, Verdict.UNDO, USER)
    assert copy.read_bytes() == data and not withdrawn.exists()
    assert main(["fixity", str(project.output)]) == 0


def test_a_deleted_access_copy_does_not_stop_a_reviewer(project) -> None:
    restored(project).unlink()
    with project.ledger.read() as session:
        review = session.scalars(select(Review).where(Review.outcome == "restored")).one()
    decide(project.ledger, review.id, review.version, Verdict.REJECT, USER)
    assert (project.output / "withdrawn/box/ä b.png").exists()


def test_one_that_is_not_wanted_any_more_is_removed(project) -> None:
    copy = restored(project)
    project.changes["access"] = None
    project.put("box/ä b.png", 5)
    project.restore(project.receive())
    reconcile(project.work_area())
    assert not copy.exists()


def test_one_that_somebody_has_edited_is_kept(project) -> None:
    copy = restored(project)
    copy.write_bytes(b"edited by hand")
    project.put("box/ä b.png", 5)
    project.restore(project.receive())
    assert copy.read_bytes() == b"edited by hand"
    with project.ledger.read() as session:
        assert session.scalars(select(OutcomeRow.reason).order_by(OutcomeRow.id.desc())).first() == "occupied"


def test_an_older_ledger_learns_of_it_from_the_sidecar(project, tmp_path) -> None:
    from pipeline.stages.batch import open_ledger

    copy = restored(project)
    before = copy.stat().st_mtime_ns
    project.ledger.close()
    (tmp_path / "ledger.db").unlink()
    from pipeline.ledger import migrate

    migrate.shared_ledger.cache_clear()
    project.ledger = open_ledger()
    project.restore(project.receive("again"))
    assert copy.stat().st_mtime_ns == before
    with project.ledger.read() as session:
        assert str(copy) in session.scalars(select(OutcomeRow.access_uri)).all()
