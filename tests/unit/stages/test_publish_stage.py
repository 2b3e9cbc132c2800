"""Publishing: every scan gets one outcome and whole files, whatever attempt wrote them."""

from __future__ import annotations

import hashlib
import json
import weakref

import numpy as np
import pytest
from raw_files import with_chunks
from small_project import count_outcomes, published
from sqlalchemy import func, select

from pipeline import scans
from pipeline.ledger import TaskContext
from pipeline.ledger.tables import Claim, Event, OutcomeRow
from pipeline.stages import artifacts, manifest
from pipeline.stages.batch import InputVanished
from pipeline.stages.inpaint import inpaint
from pipeline.stages.mask import mask
from pipeline.stages.measure import measure
from pipeline.stages.publish import publish
from pipeline.stages.published_files import copy_recorded
from pipeline.stages.reconcile import reconcile
from pipeline.stages.scan_row import ScanRow

pytestmark = pytest.mark.slow


def test_a_master_is_released_before_its_derivative_is_encoded(project, monkeypatch) -> None:
    project.put("a.png")
    chunks = project.receive()
    for stage in (mask, inpaint, measure):
        chunks = [stage(chunk, None) for chunk in chunks]
    read, encode, held = artifacts.read_master, scans.encode_and_read, []

    def master(row):
        scan = read(row)
        held.append(weakref.ref(scan.pixels))
        return scan

    def watched(scan, extension):
        held[-1] = held[-1]() is not None
        return encode(scan, extension)

    monkeypatch.setattr(artifacts, "read_master", master)
    monkeypatch.setattr(scans, "encode_and_read", watched)
    assert published([publish(chunk, None) for chunk in chunks])["a.png"].outcome == "restored"
    assert held == [False]


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_every_kind_of_pixel_keeps_its_depth(project, mode: str, depth: int, picture) -> None:
    import tifffile

    before, marked = picture(0)
    before = before if mode == "RGB" else before[..., 0]
    before = before.astype(np.uint16) * 257 + 1 if depth == 16 else before
    before = np.ascontiguousarray(before)
    tifffile.imwrite(project.inbox / "a.tif", before)
    project.put("a.png")
    (project.inbox / "a.png").unlink()
    project.restore(project.receive())
    after = tifffile.imread(project.output / "restored/a.tif")
    assert after.dtype == before.dtype and after.shape == before.shape
    assert np.array_equal(after[marked == 0], before[marked == 0])
    assert not np.array_equal(after[marked > 0], before[marked > 0])


def test_what_did_not_reach_the_derivative_is_written_down(project) -> None:
    project.put("a.png")
    path = project.inbox / "a.png"
    path.write_bytes(with_chunks(path.read_bytes(), (b"iDOT", bytes(28)), (b"tEXt", b"Author\0Kaethe")))
    chunks = project.receive()
    project.restore(chunks)
    listed = json.loads((project.output / "sidecars/a.json").read_text())["metadata"]
    assert listed["kept"] == ["text Author"] and listed["lost"][0]["what"] == "PNG iDOT"
    row = published(chunks)["a.png"]
    assert json.loads(row.metadata) == {"kept": 1, "changed": [], "lost": [["PNG iDOT", "storage"]], "more": 0}
    again = ScanRow(row.scan_id, row.path)
    with project.ledger.read() as session:
        copy_recorded(again, session.scalars(select(OutcomeRow)).one())
    assert again.metadata == row.metadata


def test_a_change_outside_the_mask_is_never_published(project, monkeypatch) -> None:
    project.put("a.png")
    chunks = [measure(inpaint(mask(chunk))) for chunk in project.receive()]
    filled = artifacts.apply_fill

    def spoiled(before, marked, uri):
        after = filled(before, marked, uri)
        after[0, 0] ^= 1
        return after

    monkeypatch.setattr(artifacts, "apply_fill", spoiled)
    publish(chunks[0])
    row = published(chunks)["a.png"]
    assert (row.outcome, row.reason) == ("failed", "outside-changed")
    assert not (project.output / "restored").exists()


def test_a_master_replaced_or_removed_during_the_batch_is_not_restored(project) -> None:
    for number in range(3):
        project.put(f"{number}.png", number)
    chunks = [measure(inpaint(mask(chunk))) for chunk in project.receive()]
    project.put("0.png", 9)
    (project.inbox / "1.png").unlink()
    publish(chunks[0])
    found = published(chunks)
    assert [(row.outcome, row.reason) for row in found.values()] == [
        ("failed", "changed"),
        ("failed", "gone"),
        ("restored", ""),
    ]
    again = project.receive()
    assert [(row.path, row.reason) for row in manifest.read(again[0])] == [
        ("0.png", ""),
        ("1.mask.png", "mask-orphaned"),
    ]


def test_a_removed_derivative_is_made_again_for_a_duplicate(detecting) -> None:
    detecting.put("a.png", painted=False)
    detecting.restore(detecting.receive())
    (detecting.output / "restored/a.png").unlink()
    detecting.put("b.png", painted=False)
    chunks = detecting.receive()
    assert manifest.read(chunks[0])[0].same_as == ""
    detecting.restore(chunks)
    assert (detecting.output / "restored/b.png").exists()


def test_an_attempt_killed_while_publishing_is_continued(project, monkeypatch) -> None:
    from pipeline.stages.publish import _Publisher

    for number in range(3):
        project.put(f"{number}.png", number)
    chunks = [measure(inpaint(mask(chunk))) for chunk in project.receive()]
    commit, sidecar = _Publisher._commit, _Publisher._sidecar
    commits = []

    def killed(self, row, files):
        if len(commits) == 1:
            raise KeyboardInterrupt
        commits.append(row.path)
        commit(self, row, files)

    monkeypatch.setattr(_Publisher, "_commit", killed)
    with pytest.raises(KeyboardInterrupt):
        publish(chunks[0])
    monkeypatch.setattr(_Publisher, "_commit", commit)
    written = []

    def noted(self, row, files):
        written.append(row.path)
        return sidecar(self, row, files)

    monkeypatch.setattr(_Publisher, "_sidecar", noted)
    publish(chunks[0])
    assert commits == ["0.png"] and sorted(written) == ["1.png", "2.png"]
    assert count_outcomes(project) == {"restored": 3}
    found = published(chunks)
    assert found["0.png"].restored_uri and found["0.png"].outcome == "restored"


def test_two_concurrent_attempts_publish_one_outcome(project, monkeypatch) -> None:
    """An attempt taken for dead commits after another attempt has published the same scan."""
    from pipeline.stages.publish import _Publisher

    project.put("a.png")
    (chunk,) = [measure(inpaint(mask(chunk))) for chunk in project.receive()]
    commit = _Publisher._commit

    def late(self, row, files):
        monkeypatch.setattr(_Publisher, "_commit", commit)
        publish(chunk, TaskContext(try_number=2))
        commit(self, row, files)

    monkeypatch.setattr(_Publisher, "_commit", late)
    publish(chunk, TaskContext(try_number=1))
    assert count_outcomes(project) == {"restored": 1}
    with project.ledger.read() as session:
        said = session.scalars(select(Event.decision).where(Event.stage == "publish").order_by(Event.id)).all()
        recorded = session.scalars(select(OutcomeRow)).one()
    assert said == ["master intact", "restored", "master intact", "repeated"]
    sidecar = (project.output / "sidecars/a.json").read_bytes()
    assert hashlib.sha256(sidecar).hexdigest() == recorded.sidecar_sha256


def test_an_attempt_that_outlives_its_batch_records_what_it_wrote(project, monkeypatch) -> None:
    from pipeline.stages.publish import _Publisher

    project.put("a.png")
    (chunk,) = chunks = [measure(inpaint(mask(chunk))) for chunk in project.receive()]
    commit = _Publisher._commit

    def late(self, row, files):
        monkeypatch.setattr(_Publisher, "_commit", commit)
        publish(chunk)
        reconcile(project.work_area(), chunks)
        commit(self, row, files)

    monkeypatch.setattr(_Publisher, "_commit", late)
    with pytest.raises(InputVanished):
        publish(chunk)
    assert count_outcomes(project) == {"restored": 1}
    with project.ledger.read() as session:
        recorded = session.scalars(select(OutcomeRow)).one()
    sidecar = (project.output / "sidecars/a.json").read_bytes()
    assert hashlib.sha256(sidecar).hexdigest() == recorded.sidecar_sha256


def test_redo_replaces_the_outcome_and_keeps_the_events(project) -> None:
    project.put("a.png")
    project.restore(project.receive())
    (project.inbox / "a.mask.png").unlink()
    project.restore(project.receive(redo=True))
    assert count_outcomes(project) == {"unchanged": 1}
    assert not (project.output / "restored/a.png").exists()
    assert json.loads((project.output / "sidecars/a.json").read_text())["outcome"] == "unchanged"
    with project.ledger.read() as session:
        said = session.scalars(select(Event.decision).where(Event.stage == "publish").order_by(Event.id)).all()
    assert said.count("restored") == 1 and said[-1] == "unchanged"


def test_claims_are_released_with_the_outcome(project) -> None:
    project.put("a.png")
    chunks = project.receive()
    with project.ledger.read() as session:
        assert session.scalar(select(func.count()).select_from(Claim)) == 1
    project.restore(chunks)
    with project.ledger.read() as session:
        assert session.scalar(select(func.count()).select_from(Claim)) == 0
