"""Publishing keeps files in the output that this program did not write, or that somebody has changed since."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline import storage
from pipeline.ledger.database import Ledger
from pipeline.settings import settings
from pipeline.stages import manifest
from pipeline.stages import publish as publishing
from pipeline.stages.batch import open_ledger
from pipeline.stages.reconcile import reconcile
from pipeline.stages.scan_row import ScanRow


def restored(project: Any, **given: Any) -> ScanRow:
    """Restores the only scan of the inbox in a new batch, and returns its row."""
    (chunk,) = project.restore(project.receive(**given))
    (row,) = manifest.read(chunk)
    reconcile(project.work_area())
    assert not list((project.output / ".work").iterdir())
    return row


@pytest.mark.parametrize("folder", ["restored", "masks"])
def test_a_file_that_lies_where_a_result_should_be_is_kept(project, folder: str) -> None:
    project.put("box/a.png")
    path = project.output / folder / "box" / "a.png"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"somebody's")
    row = restored(project)
    assert (row.outcome, row.reason) == ("failed", "occupied")
    assert f"{path} was not written by this program" in row.message
    assert path.read_bytes() == b"somebody's"
    assert [one for one in project.output.rglob("a.*") if one.suffix != ".json"] == [path]
    path.unlink()
    assert restored(project, redo=True).outcome == "restored"


def test_an_edited_result_is_kept_and_an_unchanged_one_is_replaced(project) -> None:
    project.put("a.png")
    path = Path(restored(project).restored_uri)
    assert restored(project, redo=True).outcome == "restored"
    path.write_bytes(path.read_bytes() + b"edited")
    assert restored(project, redo=True).reason == "occupied"
    assert path.read_bytes().endswith(b"edited")


def test_results_of_a_ledger_that_was_lost_are_recognised_by_their_sidecars(
    project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.put("a.png")
    path = Path(restored(project).restored_uri)
    monkeypatch.setenv("RESTORATION_LEDGER_URL", f"sqlite:///{tmp_path}/other.db")
    settings.cache_clear()
    project.ledger = open_ledger()
    assert isinstance(project.ledger, Ledger)
    assert restored(project, redo=True).outcome == "restored"
    path.write_bytes(b"edited")
    assert restored(project, redo=True).reason == "occupied"


@pytest.mark.parametrize("redo", [False, True])
def test_what_a_killed_attempt_has_written_is_its_own(project, monkeypatch, redo: bool) -> None:
    project.put("a.png")
    if redo:
        restored(project)
    chunks = project.receive(redo=redo)
    for stage in ("mask", "inpaint", "measure"):
        from pipeline.stages.order import Stage, load_stage

        chunks = [load_stage(Stage(stage))(chunk) for chunk in chunks]

    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        # Another computer's fill may differ in its last bits.
        (project.output / "restored" / "a.png").write_bytes(b"written by the attempt that dies")
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(publishing._Publisher, "_commit", die)
        with pytest.raises(Killed):
            publishing.publish(chunks[0])
    (row,) = manifest.read(publishing.publish(chunks[0]))
    assert row.outcome == "restored"
    assert storage.sha256(row.restored_uri) == row.restored_sha256
    reconcile(project.work_area())
    assert not list((project.output / ".work").iterdir())
