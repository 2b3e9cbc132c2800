"""Receiving: new files are taken in order, within limits, claimed, and the same for every attempt."""

from __future__ import annotations

import os
import shutil
import time
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from pipeline.errors import ConfigurationError
from pipeline.inbox.deliveries import Deliveries
from pipeline.ledger import batches
from pipeline.ledger.rows import now
from pipeline.ledger.tables import Batch, Claim, Event, OutcomeRow, Scan
from pipeline.stages import manifest
from pipeline.stages.scan_row import ScanRow


def rows(chunks: list[str]) -> list[ScanRow]:
    return [row for chunk in chunks for row in manifest.read(chunk)]


def paths(chunks: list[str]) -> list[str]:
    return [row.path for row in rows(chunks)]


def settle(project) -> None:
    """Makes all files old enough to have a fingerprint."""
    for path in project.inbox.rglob("*"):
        if not path.is_symlink():
            os.utime(path, (time.time() - 60, time.time() - 60))


def outcome_of(project, path: str) -> OutcomeRow:
    """Returns the outcome of a path's newest content."""
    with project.ledger.read() as session:
        query = select(OutcomeRow).join(Scan, Scan.id == OutcomeRow.scan_id).where(Scan.path == path)
        return session.scalars(query.order_by(OutcomeRow.recorded.desc())).first()


def batch_of(project, name: str) -> Batch:
    with project.ledger.read() as session:
        return batches.get(session, "c", name)


def test_everything_in_the_inbox_has_its_row_in_order(project) -> None:
    project.put("b.png")
    project.put("a/z.png", 1)
    (project.inbox / "empty.png").write_bytes(b"")
    (project.inbox / "notes.txt").write_text("about these scans")  # a sidecar: no scan, and no row
    (project.inbox / "text.jpg").write_text("no image")
    (project.inbox / "folder.tif").mkdir()
    (project.inbox / "nowhere.png").symlink_to("nothing")
    (project.inbox / "outward.png").symlink_to("/etc/hostname")
    cut = (project.inbox / "b.png").read_bytes()
    (project.inbox / "cut.png").write_bytes(cut[: len(cut) // 2])
    (project.inbox / ".hidden.png").write_bytes(cut)
    found = rows(project.receive())
    assert [(row.path, row.reason) for row in found] == [
        ("a/z.png", ""),
        ("b.png", ""),
        ("cut.png", "truncated"),
        ("empty.png", "empty"),
        ("folder.tif", "not-a-file"),
        ("nowhere.png", "dangling-link"),
        ("outward.png", "outward-link"),
        ("text.jpg", "not-an-image"),
    ]
    assert all(row.message for row in found if row.reason)
    assert (found[1].width, found[1].height, found[1].bit_depth, found[1].format) == (128, 96, 8, "PNG")
    assert found[1].mask_given_uri.endswith("/b.mask.png")


def test_an_unreadable_file_is_reported_and_taken_once_it_is_readable(project, monkeypatch) -> None:
    from pipeline.inbox import identify

    def refuse(uri):
        raise PermissionError(13, "no", uri)

    project.put("a.png", painted=False)
    settle(project)
    # Root may read everything, so opening the file is made to fail.
    with monkeypatch.context() as patched:
        patched.setattr(identify, "_read", refuse)
        (row,) = rows(project.receive())
    assert (row.reason, row.sha256) == ("unreadable", "")
    project.restore([project.receive("b1")[0]])
    (row,) = rows(project.receive())
    assert row.reason == "" and row.sha256


def test_a_batch_is_received_once(project) -> None:
    project.put("a.png")
    first = project.receive("b1")
    project.put("b.png", 1)
    assert project.receive("b1") == first and paths(first) == ["a.png"]


def test_an_unchanged_inbox_is_no_work(project) -> None:
    project.put("a.png")
    project.put("b.png", 1)
    project.restore(project.receive("b1"))
    assert project.receive("b2") == []
    settle(project)
    assert project.receive("b3") == []
    assert batch_of(project, "b3").known == 2 and batch_of(project, "b3").received == 0


def test_what_is_known_is_not_read_again(project, monkeypatch) -> None:
    from pipeline.inbox import record

    project.put("a.png")
    settle(project)
    project.restore(project.receive("b1"))
    monkeypatch.setattr(record, "identify", None)
    assert project.receive("b2") == []


def test_a_replaced_file_is_a_new_scan_and_a_touched_one_is_not(project) -> None:
    project.put("a.png", painted=False)
    project.restore(project.receive())
    os.utime(project.inbox / "a.png", (1, 1))
    assert project.receive() == []
    project.put("a.png", 1, painted=False)
    os.utime(project.inbox / "a.png", (1, 1))
    chunks = project.receive()
    assert [(row.path, row.again) for row in rows(chunks)] == [("a.png", "content")]
    with project.ledger.read() as session:
        assert session.scalar(select(func.count()).select_from(Scan)) == 2
    project.restore(chunks)
    project.put("a.png", 0, painted=False)
    assert paths(project.receive()) == ["a.png"], "what is published is the other file's"


def test_a_new_or_another_mask_is_new_work(project) -> None:
    project.put("a.png", painted=False)
    project.restore(project.receive())
    project.put("a.png")
    chunks = project.receive()
    assert paths(chunks) == ["a.png"]
    project.restore(chunks)
    settle(project)
    assert project.receive() == []
    project.put("b.png", 5)
    shutil.copy(project.inbox / "b.mask.png", project.inbox / "a.mask.png")
    assert paths(project.receive()) == ["a.png", "b.png"]


def test_a_removed_mask_takes_the_scan_back_to_its_earlier_state(project) -> None:
    project.put("a.png", painted=False)
    project.restore(project.receive())
    before = outcome_of(project, "a.png")
    shutil.copy(project.put("b.png", 5).with_suffix(".mask.png"), project.inbox / "a.mask.png")
    project.restore(project.receive())
    assert outcome_of(project, "a.png").outcome == "restored" and (project.output / "restored/a.png").exists()
    (project.inbox / "a.mask.png").unlink()
    (row,) = rows(chunks := project.receive())
    assert (row.path, row.again) == ("a.png", "mask")
    project.restore(chunks)
    after = outcome_of(project, "a.png")
    assert (after.outcome, after.mask_given) == (before.outcome, "") == ("unchanged", "")
    assert not (project.output / "restored/a.png").exists()
    assert project.receive() == []


def test_a_masks_folder_that_is_not_mounted_removes_no_mask(project, tmp_path) -> None:
    project.put("a.png")
    project.changes["masks"] = str(tmp_path / "masks")
    (tmp_path / "masks").mkdir()
    (project.inbox / "a.mask.png").rename(tmp_path / "masks/a.png")
    project.restore(project.receive())
    (tmp_path / "masks/a.png").rename(tmp_path / "a.png")
    assert project.receive() == []
    (tmp_path / "masks/other.png").write_bytes((tmp_path / "a.png").read_bytes())
    assert paths(project.receive()) == ["a.png"]


def test_redo_takes_what_is_done(project) -> None:
    project.put("a.png")
    project.restore(project.receive())
    (row,) = rows(project.receive(redo=True))
    assert (row.path, row.again) == ("a.png", "asked")


@pytest.mark.parametrize(
    ("redo", "recipe", "software"),
    [("never", [], []), ("recipe", ["recipe"], []), ("changed", ["recipe"], ["software"])],
)
def test_a_collection_says_what_is_done_again(project, monkeypatch, redo: str, recipe: list, software: list) -> None:
    from pipeline.settings import Recipe
    from pipeline.stages import models

    project.changes["redo"] = redo
    project.put("a.png", painted=False)
    project.restore(project.receive("b1"))
    with monkeypatch.context() as updated:
        updated.setattr(models, "RULES", models.RULES + " crop-new")
        assert [row.again for row in rows(project.receive("b2"))] == software
        assert batch_of(project, "b2").counts["outdated"] == (0 if software else 1)
        with project.ledger.write() as session:
            batches.abandon(session, batch_of(project, "b2").id)
        project.put("b.png", 1, painted=False)
        (new,) = (row for row in rows(project.receive("b3")) if row.path == "b.png")
        assert new.again == ""
        with project.ledger.write() as session:
            batches.abandon(session, batch_of(project, "b3").id)
    project.changes["recipe"] = Recipe(engine="navier-stokes", detector="none")
    assert [row.again for row in rows(project.receive("b4")) if row.path == "a.png"] == recipe


def test_what_could_not_be_read_is_tried_again_after_an_update(project, monkeypatch) -> None:
    from pipeline.stages import models

    (project.inbox / "a.png").write_bytes(b"")
    project.restore(project.receive())
    assert project.receive() == []
    monkeypatch.setattr(models, "RULES", models.RULES + " crop-new")
    (row,) = rows(project.receive())
    assert (row.path, row.again) == ("a.png", "software")


def test_another_recipe_is_new_work(project) -> None:
    from pipeline.settings import Recipe

    project.put("a.png")
    project.restore(project.receive())
    project.changes["recipe"] = Recipe(engine="navier-stokes", detector="none")
    project.restore(chunks := project.receive())
    assert [(row.path, row.again) for row in rows(chunks)] == [("a.png", "recipe")]
    del project.changes["recipe"]
    assert paths(project.receive()) == ["a.png"], "what is published is the other recipe's"


def test_batches_are_limited_and_continue_in_order(project) -> None:
    for number in range(5):
        project.put(f"{number}.png", number)
    project.changes["batch_scans"] = 2
    taken = []
    for number in range(1, 4):
        chunks = project.receive(f"b{number}")
        taken.append(paths(chunks))
        assert batch_of(project, f"b{number}").more == (number < 3)
        project.restore(chunks)
    assert taken == [["0.png", "1.png"], ["2.png", "3.png"], ["4.png"]]
    assert paths(project.receive(limit=1, redo=True)) == ["0.png"]


def test_the_same_bytes_share_one_result_now_and_later(project) -> None:
    project.put("a.png", painted=False)
    project.put("b.png", painted=False)
    project.put("c.png")
    first = rows(chunks := project.receive())
    assert [(row.path, row.same_as) for row in first] == [("a.png", ""), ("b.png", "a.png"), ("c.png", "")]
    project.restore(chunks)
    project.put("d.png", painted=False)
    (later,) = rows(project.receive())
    assert (later.path, later.same_as) == ("d.png", "a.png")


def test_names_in_the_output_never_clash(project) -> None:
    for name in ("a.jpg", "a.png", "A.png"):
        project.put(name, 1, painted=False)
    assert [row.output_path for row in rows(project.receive())] == ["A", "a.jpg", "a.png"]


def test_the_longest_names_have_results_too(project) -> None:
    long = ["x" * 251 + ".png", "x" * 251 + ".tif", "ä" * 125 + ".jpg"]
    for number, name in enumerate(long):
        project.put(name, number, painted=False)
    (project.inbox / ("y" * 251 + ".png")).write_bytes(b"")
    project.restore(project.receive())
    assert len(list((project.output / "sidecars").glob("*.json"))) == 3
    assert len(list((project.output / "quarantine/b1").glob("*.reason.json"))) == 1


def test_an_active_run_keeps_its_scans_and_a_dead_one_loses_them(project) -> None:
    for number in range(3):
        project.put(f"{number}.png", number)
    first = project.receive("b1", limit=2)
    assert paths(first) == ["0.png", "1.png"]
    assert paths(project.receive("b2")) == ["2.png"]
    assert batch_of(project, "b2").claimed_elsewhere == 2
    with project.ledger.write() as session:
        session.execute(update(Claim).values(expires=now() - timedelta(seconds=1)))
    assert paths(project.receive("b3")) == ["0.png", "1.png", "2.png"]


def test_of_two_concurrent_attempts_the_first_to_finish_counts(project, monkeypatch) -> None:
    """An attempt taken for dead lists the inbox before a file comes, and finishes after the attempt that saw it."""
    from pipeline.stages.receive import _Attempt

    project.put("b.png", 1)
    commit = _Attempt._commit
    counted: list[list[str]] = []

    def late(self, deliveries: Deliveries, more: bool) -> list[str]:
        monkeypatch.setattr(_Attempt, "_commit", commit)
        project.put("a.png")
        counted.append(project.receive("b1"))
        return commit(self, deliveries, more)

    monkeypatch.setattr(_Attempt, "_commit", late)
    assert project.receive("b1") == counted[0]
    assert paths(counted[0]) == ["a.png", "b.png"]
    assert batch_of(project, "b1").received == 2


def test_a_file_removed_while_it_is_read_is_left_out(project, monkeypatch) -> None:
    from pipeline.inbox import record

    project.put("a.png", painted=False)
    project.put("b.png", 1, painted=False)
    identify = record.identify

    def late(entry):
        (project.inbox / "a.png").unlink(missing_ok=True)
        return identify(entry)

    monkeypatch.setattr(record, "identify", late)
    assert paths(project.receive()) == ["b.png"]


def test_an_empty_inbox_is_no_error(project) -> None:
    assert project.receive("b1") == []


def test_nothing_is_written_when_the_configuration_is_wrong(project) -> None:
    project.changes["inbox"] = f"{project.inbox}/absent"
    with pytest.raises(ConfigurationError):
        project.receive()
    project.changes |= {"inbox": str(project.inbox), "masks": f"{project.inbox}/absent"}
    project.put("a.png")
    with pytest.raises(ConfigurationError, match=r"masks .*absent"):
        project.receive()
    with project.ledger.read() as session:
        assert session.scalar(select(func.count()).select_from(Scan)) == 0


def test_every_scan_that_is_taken_has_its_event(project) -> None:
    project.put("a.png")
    (project.inbox / "empty.png").write_bytes(b"")
    project.receive()
    with project.ledger.read() as session:
        found = session.execute(select(Event.stage, Event.kind, Event.decision).order_by(Event.id)).all()
    assert [tuple(row) for row in found] == [
        ("receive", "message digest calculation", "taken"),
        ("receive", "quarantine", "quarantined"),
        ("receive", "ingestion start", "received"),
    ]


def test_since_takes_what_was_changed_later_in_the_collections_time_zone(project) -> None:
    for number, name in enumerate(["old.png", "new.png"]):
        project.put(name, number, painted=False)
        # 22:30 and 23:30 on the 19th of November in UTC: before and after midnight in Berlin.
        moment = 1_795_127_400 + 3600 * number
        os.utime(project.inbox / name, (moment, moment))
    project.changes["timezone"] = "Europe/Berlin"
    assert paths(project.receive(since="2026-11-20T00:00")) == ["new.png"]
    assert paths(project.receive(since="2026-11-20T00:00")) == []
    assert paths(project.receive(since="2026-11-19T22:00:00+00:00")) == ["old.png"]
    with pytest.raises(ConfigurationError, match="is not a date"):
        project.receive(since="yesterday")


def test_a_limit_leaves_the_rest_to_the_next_run(project) -> None:
    for number in range(3):
        project.put(f"{number}.png", number, painted=False)
    assert paths(project.receive(limit=2)) == ["0.png", "1.png"]
    assert batch_of(project, "b1").more
    assert paths(project.receive()) == ["2.png"]
    assert not batch_of(project, "b2").more


def test_a_single_scan_is_received_with_its_mask_under_its_own_path(project) -> None:
    project.put("box/a.png")
    project.put("box/b.png", 1)
    project.put("c.png", 2)
    project.restore(project.receive())
    (row,) = rows(project.receive(source="box/a.png", redo=True))
    assert (row.path, row.again) == ("box/a.png", "asked") and row.mask_given_uri.endswith("/box/a.mask.png")
    (row,) = rows(project.receive(source=str(project.inbox / "c.png"), redo=True))
    assert row.path == "c.png" and row.mask_given_uri
    assert project.receive(source="box/b.png") == [], "it is done, with its mask"
