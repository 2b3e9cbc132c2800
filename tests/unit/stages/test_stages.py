"""mask, inpaint, measure, publish, reconcile: one bad scan costs itself, and any try may be the one that counts."""

from __future__ import annotations

import hashlib
import json
import logging
import weakref
from pathlib import Path

import numpy as np
import pytest
from picture_files import png
from PIL import Image
from skimage import data
from sqlalchemy import func, select

from pipeline import scans
from pipeline.errors import ConfigurationError, StoreUnavailable
from pipeline.ledger import TaskContext
from pipeline.ledger.tables import Claim, Event, OutcomeRow
from pipeline.stages import artifacts, manifest
from pipeline.stages.batch import InputVanished, load_batch
from pipeline.stages.batch_frame import load_frame
from pipeline.stages.inpaint import inpaint
from pipeline.stages.mask import mask
from pipeline.stages.measure import measure
from pipeline.stages.publish import publish
from pipeline.stages.reconcile import Unreconciled, reconcile
from pipeline.stages.scan_row import ScanRow


def image(path: Path | str) -> np.ndarray:
    with Image.open(path) as opened:
        return np.asarray(opened)


def outcomes(project) -> dict[str, int]:
    with project.ledger.read() as session:
        found = session.execute(select(OutcomeRow.outcome, func.count()).group_by(OutcomeRow.outcome))
        return dict(found.tuples().all())


def published(chunks: list[str]) -> dict[str, ScanRow]:
    return {row.path: row for chunk in chunks for row in manifest.read(manifest.sibling(chunk, "published"))}


def test_the_whole_way_restores_and_changes_nothing_else(project, picture) -> None:
    project.put("box/a.png")
    project.put("clean.png", 1, painted=False)
    before = {path: path.read_bytes() for path in project.inbox.rglob("*.png")}
    chunks = project.receive()
    project.restore(chunks)
    found = published(chunks)
    assert {path: row.outcome for path, row in found.items()} == {"box/a.png": "restored", "clean.png": "unchanged"}
    damaged, marked = picture(0)
    after = image(project.output / "restored/box/a.png")
    assert np.array_equal(after[marked == 0], damaged[marked == 0]) and not np.array_equal(after, damaged)
    assert np.array_equal(image(project.output / "masks/box/a.png"), marked)
    row = found["box/a.png"]
    data = (project.output / "restored/box/a.png").read_bytes()
    assert row.restored_sha256 == hashlib.sha256(data).hexdigest() and row.restored_bytes == len(data)
    assert row.outside_identical and row.changed_share <= row.coverage
    assert row.estimate_samples is not None and np.isnan(row.psnr)
    assert not (project.output / "restored/clean.png").exists()
    assert json.loads((project.output / "sidecars/clean.json").read_text())["outcome"] == "unchanged"
    assert {path: path.read_bytes() for path in project.inbox.rglob("*.png")} == before
    counts = reconcile(project.work_area(), chunks)
    assert (counts["restored"], counts["unchanged"], counts["received"]) == (1, 1, 2)
    assert not list((project.output / ".work").glob("*"))
    assert not [path for path in project.output.rglob(".*") if path.name != ".work"]


def test_a_master_is_not_held_while_its_derivative_is_encoded(project, monkeypatch) -> None:
    project.put("a.png")
    chunks = project.receive()
    for stage in (mask, inpaint, measure):
        chunks = [stage(chunk, None) for chunk in chunks]
    read, encode, held = artifacts.read_master, scans.encode, []

    def master(row):
        scan = read(row)
        held.append(weakref.ref(scan.pixels))
        return scan

    def watched(scan, extension):
        held[-1] = held[-1]() is not None
        return encode(scan, extension)

    monkeypatch.setattr(artifacts, "read_master", master)
    monkeypatch.setattr(scans, "encode", watched)
    assert published([publish(chunk, None) for chunk in chunks])["a.png"].outcome == "restored"
    assert held == [False]


def test_reconciling_again_tells_the_same(project) -> None:
    project.put("a.png")
    project.restore(chunks := project.receive())
    assert reconcile(project.work_area(), chunks) == reconcile(project.work_area(), chunks)
    with pytest.raises(InputVanished):
        reconcile(project.work_area("never"), [])


def test_a_batch_with_nothing_new_reconciles(project) -> None:
    assert reconcile(project.work_area("b1"), project.receive("b1"))["received"] == 0
    assert not list((project.output / ".work").glob("*"))


def test_a_scan_without_outcome_is_told_loudly_and_freed(project) -> None:
    project.put("a.png")
    project.put("b\n.png", 1)
    project.changes["chunk_scans"] = 1
    chunks = project.receive("b1")
    project.restore(chunks[:1])
    with pytest.raises(Unreconciled, match=r'1 of 2 scans received have no outcome \("b\\n.png"\)'):
        reconcile(project.work_area("b1"), chunks)
    assert len(project.receive("b2")) == 1
    project.restore(chunks[1:])
    assert reconcile(project.work_area("b1"), chunks)["restored"] == 2


def test_known_originals_give_true_figures_beside_teleas(project, picture) -> None:
    project.put("a.png")
    (project.inbox.parent / "orig").mkdir()
    before, marked = picture(0)
    Image.fromarray(np.where(marked[..., None] > 0, data.astronaut()[:96, 100:228], before)).save(
        project.inbox.parent / "orig/a.png"
    )
    project.changes["originals"] = str(project.inbox.parent / "orig")
    project.restore(chunks := project.receive())
    row = published(chunks)["a.png"]
    assert row.psnr > row.psnr_hole > 15 and 0.8 < row.ssim <= 1
    assert row.psnr == pytest.approx(row.baseline_psnr, abs=0.05)
    assert row.estimate_samples is None and np.isnan(row.estimate_psnr)


def test_a_recipe_may_ask_for_grain(project, picture) -> None:
    damaged, marked = picture(0)
    project.put("a.png")
    project.restore(project.receive())
    plain = image(project.output / "restored/a.png")
    project.changes["recipe"] = project.collection.recipe.model_copy(update={"grain": True})
    project.restore(chunks := project.receive())
    grainy = image(project.output / "restored/a.png")
    assert np.array_equal(grainy[marked == 0], damaged[marked == 0])
    assert not np.array_equal(grainy, plain)
    assert published(chunks)["a.png"].outside_identical
    written = json.loads((project.output / "sidecars/a.json").read_text())
    assert written["recipe"]["grain"] is True
    assert "grain added" in written["engine"]["notes"]
    project.restore(project.receive(redo=True))
    assert np.array_equal(image(project.output / "restored/a.png"), grainy)


def test_only_confident_damage_is_filled_unseen(detecting, picture) -> None:
    detecting.put("a.png", painted=False)
    detecting.restore(chunks := detecting.receive())
    before, marked = picture(0)
    confident = marked.copy()
    confident[:, 64:] = 0
    row = published(chunks)["a.png"]
    assert (row.outcome, row.mask_source, row.components) == ("restored", "detector", 2)
    assert row.mask_note == "1 doubtful place was left as it is"
    assert np.array_equal(image(detecting.output / "masks/a.png"), confident)
    after = image(detecting.output / "restored/a.png")
    assert np.array_equal(after[confident == 0], before[confident == 0])


def test_a_recipe_may_fill_doubtful_damage_too(detecting, picture) -> None:
    from pipeline.settings import MaskLevel

    recipe = detecting.changes["recipe"]
    detecting.changes["recipe"] = recipe.model_copy(update={"level": MaskLevel.SUGGEST})
    detecting.put("a.png", painted=False)
    detecting.restore(detecting.receive())
    assert np.array_equal(image(detecting.output / "masks/a.png"), picture(0)[1])


def test_doubt_goes_to_review_with_a_mask_and_no_fill(detecting, picture) -> None:
    recipe = detecting.changes["recipe"]
    detecting.changes["recipe"] = recipe.model_copy(update={"max_coverage": 0.001})
    detecting.put("a.png", painted=False)
    detecting.restore(chunks := detecting.receive())
    row = published(chunks)["a.png"]
    assert (row.outcome, row.restored_uri) == ("review", "")
    assert np.array_equal(image(detecting.output / "masks/a.png"), picture(0)[1])
    assert not (detecting.output / "restored").exists()
    sidecar = json.loads((detecting.output / "sidecars/a.json").read_text())
    assert sidecar["review"] == {"wanted": True, "reason": "more than may be filled unseen"}
    assert [one["kind"] for one in sidecar["mask"]["components"]] == ["scratch", "dust"] and sidecar["output"] is None


def test_the_same_bytes_are_filled_once_and_published_twice(detecting, monkeypatch) -> None:
    detecting.put("a.png", painted=False)
    detecting.put("b.png", painted=False)
    detecting.restore(chunks := detecting.receive())
    found = published(chunks)
    assert found["a.png"].outcome == found["b.png"].outcome == "restored"
    assert found["a.png"].restored_sha256 == found["b.png"].restored_sha256
    detecting.put("later/c.png", painted=False)
    monkeypatch.setattr("pipeline.stages.fill_scans.inpaint", None)
    detecting.restore(chunks := detecting.receive())
    later = published(chunks)["later/c.png"]
    assert later.restored_sha256 == found["a.png"].restored_sha256
    assert later.coverage == found["a.png"].coverage and later.mask_out_uri.endswith("masks/later/c.png")
    sidecar = json.loads((detecting.output / "sidecars/later/c.json").read_text())
    assert sidecar["master"]["same_bytes_as"] == "a.png" and sidecar["engine"]["name"] == "telea"


def test_a_derivative_that_somebody_removed_is_made_again_for_its_twin(detecting) -> None:
    detecting.put("a.png", painted=False)
    detecting.restore(detecting.receive())
    (detecting.output / "restored/a.png").unlink()
    detecting.put("b.png", painted=False)
    chunks = detecting.receive()
    assert manifest.read(chunks[0])[0].same_as == ""
    detecting.restore(chunks)
    assert (detecting.output / "restored/b.png").exists()


def test_what_cannot_be_decoded_is_quarantined_and_its_neighbours_go_on(project) -> None:
    project.put("a.png")
    project.put("z.png", 2)
    whole = project.put("m.png", 1).read_bytes()
    (project.inbox / "m.png").write_bytes(whole[:600] + bytes(200) + whole[800:])
    (project.inbox / "note <b>.txt").write_text("x")
    project.restore(chunks := project.receive())
    found = published(chunks)
    assert [row.outcome for row in found.values()] == ["restored", "quarantined", "quarantined", "restored"]
    folder = project.output / "quarantine/b1"
    assert (folder / "m.png").read_bytes() == (project.inbox / "m.png").read_bytes()
    reason = json.loads((folder / "note <b>.txt.reason.json").read_text())
    assert reason["reason"] == "not-an-image" and reason["message"] and reason["copy"].endswith("note <b>.txt")


def test_a_mask_that_does_not_fit_quarantines_its_scan(project) -> None:
    project.put("a.png")
    (project.inbox / "a.mask.png").write_bytes(png(np.zeros((10, 10), np.uint8)))
    project.restore(chunks := project.receive())
    assert published(chunks)["a.png"].reason == "mask-mismatch"


def test_an_unexpected_error_costs_one_scan_and_is_in_the_log(project, monkeypatch, caplog) -> None:
    project.put("a.png")
    project.put("b.png", 1)
    master = artifacts.read_master
    monkeypatch.setattr(artifacts, "read_master", lambda row: 1 / 0 if row.path == "a.png" else master(row))
    chunks = project.receive()
    with caplog.at_level(logging.INFO):
        project.restore(chunks)
    found = published(chunks)
    assert found["b.png"].outcome == "restored"
    assert (found["a.png"].outcome, found["a.png"].reason) == ("failed", "error")
    assert "ZeroDivisionError in mask" in found["a.png"].message
    assert "Traceback" in caplog.text
    assert any('scan="b.png"' in line and "stage=publish decision=restored" in line for line in caplog.messages)


def test_an_engine_that_fails_on_one_scan_fills_the_others(project, monkeypatch) -> None:
    from pipeline.engines import opencv

    for number in range(3):
        project.put(f"{number}.png", number)
    fill = opencv.OpenCVEngine.fill
    chunks = [mask(chunk) for chunk in project.receive()]
    calls = 0

    def third(self, images, holes):
        nonlocal calls
        calls += 1
        if calls in (1, 3):
            raise RuntimeError("cannot")
        return fill(self, images, holes)

    monkeypatch.setattr(opencv.OpenCVEngine, "fill", third)
    rows = manifest.read(inpaint(chunks[0]))
    assert [row.decision for row in rows] == ["fill", "failed", "fill"]
    assert rows[1].message == "RuntimeError in inpaint: cannot"


@pytest.mark.parametrize("error", [StoreUnavailable("busy"), ConfigurationError("wrong")])
def test_what_is_not_the_scans_fault_stops_the_task(project, monkeypatch, error: Exception) -> None:
    project.put("a.png")
    (chunk,) = project.receive()

    def refuse(row):
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(artifacts, "read_master", refuse)
        with pytest.raises(type(error)):
            mask(chunk)
    assert mask(chunk) == manifest.sibling(chunk, "masked")
    with monkeypatch.context() as patched:
        patched.setattr(artifacts, "read_master", refuse)
        with pytest.raises(type(error)):
            inpaint(chunk)


def test_out_of_memory_is_tried_again_before_the_scan_is_given_up(project, monkeypatch) -> None:
    project.put("a.png")
    (chunk,) = project.receive()

    def refuse(row):
        raise MemoryError

    monkeypatch.setattr(artifacts, "read_master", refuse)
    with pytest.raises(MemoryError):
        mask(chunk, TaskContext(try_number=1))
    (row,) = manifest.read(mask(chunk, TaskContext(try_number=3)))
    assert row.reason == "out-of-memory"


def test_finished_stages_are_skipped(project, monkeypatch) -> None:
    project.put("a.png")
    chunks = project.receive()
    first = project.restore(chunks)
    monkeypatch.setattr(artifacts, "read_master", None)
    assert project.restore(chunks) == first


def test_a_master_replaced_or_removed_meanwhile_is_not_restored(project) -> None:
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
        ("1.mask.png", "mask-mismatch"),
    ]


def test_a_try_that_was_killed_while_publishing_is_taken_up(project, monkeypatch) -> None:
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
    assert commits == ["0.png"] and written == ["1.png", "2.png"]
    assert outcomes(project) == {"restored": 3}
    found = published(chunks)
    assert found["0.png"].restored_uri and found["0.png"].outcome == "restored"


def test_pixels_outside_the_mask_are_never_published(project, monkeypatch) -> None:
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


def test_an_engine_changed_meanwhile_is_not_mixed_in(project, monkeypatch) -> None:
    from pipeline.stages import models

    project.put("a.png")
    (chunk,) = (mask(chunk) for chunk in project.receive())
    engine = models._engine("telea", "rn-faithful")
    monkeypatch.setattr(engine, "digest", "0" * 64, raising=False)
    with pytest.raises(ConfigurationError, match="changed since this batch began"):
        inpaint(chunk)


def test_redo_replaces_the_outcome_and_keeps_the_events(project) -> None:
    project.put("a.png")
    project.restore(project.receive())
    (project.inbox / "a.mask.png").unlink()
    project.restore(project.receive(redo=True))
    assert outcomes(project) == {"unchanged": 1}
    assert not (project.output / "restored/a.png").exists()
    assert json.loads((project.output / "sidecars/a.json").read_text())["outcome"] == "unchanged"
    with project.ledger.read() as session:
        said = session.scalars(select(Event.decision).where(Event.stage == "publish").order_by(Event.id)).all()
    assert said.count("restored") == 1 and said[-1] == "unchanged"


def test_claims_are_given_up_with_the_outcome(project) -> None:
    project.put("a.png")
    chunks = project.receive()
    with project.ledger.read() as session:
        assert session.scalar(select(func.count()).select_from(Claim)) == 1
    project.restore(chunks)
    with project.ledger.read() as session:
        assert session.scalar(select(func.count()).select_from(Claim)) == 0


def test_events_carry_the_task(project) -> None:
    project.put("a.png")
    project.restore(project.receive(), TaskContext("restore_c", "run 1", "chunk.publish", 4, 2))
    with project.ledger.read() as session:
        event = session.scalars(select(Event).where(Event.decision == "restored")).one()
    assert (event.dag_id, event.run_id, event.task_id, event.map_index, event.try_number) == (
        "restore_c",
        "run 1",
        "chunk.publish",
        4,
        2,
    )
    run = json.loads((project.output / "sidecars/a.json").read_text())["run"]
    assert (run["map_index"], run["try_number"], run["code_version"]) == (4, 2, "test")


def test_a_report_can_be_made_of_a_batch_that_did_not_finish(project) -> None:
    project.changes["chunk_scans"] = 1
    for number in range(3):
        project.put(f"{number}.png", number)
    chunks = project.receive("b1")
    project.restore(chunks[:1])
    mask(chunks[1])
    table = load_frame(load_batch(project.work_area("b1")), chunks)
    assert list(table["outcome"]) == ["restored", "failed", "failed"]
    assert list(table["reason"]) == ["", "unfinished", "unfinished"]


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_every_kind_of_pixel_comes_back_in_its_own_depth(project, mode: str, depth: int, picture) -> None:
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


def test_two_tries_at_once_publish_one_outcome(project, monkeypatch) -> None:
    """A try that was thought dead comes to its commit after another try has published the same scan."""
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
    assert outcomes(project) == {"restored": 1}
    with project.ledger.read() as session:
        said = session.scalars(select(Event.decision).where(Event.stage == "publish").order_by(Event.id)).all()
        recorded = session.scalars(select(OutcomeRow)).one()
    assert said == ["master intact", "restored", "master intact", "repeated"]
    sidecar = (project.output / "sidecars/a.json").read_bytes()
    assert hashlib.sha256(sidecar).hexdigest() == recorded.sidecar_sha256


def test_a_try_that_outlives_its_batch_is_recorded_for_what_it_wrote(project, monkeypatch) -> None:
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
    assert outcomes(project) == {"restored": 1}
    with project.ledger.read() as session:
        recorded = session.scalars(select(OutcomeRow)).one()
    sidecar = (project.output / "sidecars/a.json").read_bytes()
    assert hashlib.sha256(sidecar).hexdigest() == recorded.sidecar_sha256


def test_a_batch_is_done_although_its_last_task_was_killed_while_it_cleared_up(project) -> None:
    project.put("a.png")
    chunks = project.restore(project.receive("b1"))
    area = Path(project.work_area("b1"))
    document = (area / "batch.json").read_bytes()
    told = reconcile(project.work_area("b1"), chunks)
    assert not area.exists()
    # What may be left of the work area: with what says which batch it was, or without.
    for name in ("batch.json", "half"):
        area.mkdir(parents=True)
        (area / name).write_bytes(document)
        assert reconcile(project.work_area("b1"), chunks) == told and not area.exists()
