"""What killed and abandoned runs left is removed; what may still be in use is not."""

from __future__ import annotations

import os
import time
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from pipeline.ledger import batches
from pipeline.ledger.rows import now
from pipeline.ledger.tables import Batch
from pipeline.stages import cleanup
from pipeline.stages.batch import InputVanished
from pipeline.stages.mask import mask
from pipeline.stages.reconcile import reconcile


def leftover(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f".part-{os.getpid()}-{uuid.uuid4().hex}"
    path.write_bytes(b"half")
    return path


def test_temporary_files_of_killed_writers_are_removed_with_the_batch(project) -> None:
    project.put("a.png")
    chunks = project.receive("b1")
    left = [leftover(project.output / "restored/box"), leftover(project.output / "reports/b0")]
    project.restore(chunks)
    reconcile(project.work_area("b1"), chunks)
    assert not any(path.exists() for path in left)


def test_temporary_files_stay_while_another_run_may_write_them(project) -> None:
    project.put("a.png")
    chunks = project.receive("b1", limit=1)
    project.put("b.png", 1)
    project.receive("b2")
    young, old = leftover(project.output / "restored"), leftover(project.output / "masks")
    os.utime(old, (time.time() - 7200, time.time() - 7200))
    project.restore(chunks)
    reconcile(project.work_area("b1"), chunks)
    assert young.exists() and not old.exists()


def test_a_work_area_written_to_after_its_removal_is_removed_again(project) -> None:
    project.put("a.png")
    project.restore(chunks := project.receive("b1"))
    reconcile(project.work_area("b1"), chunks)
    Path(project.work_area("b1"), "masks").mkdir(parents=True)
    project.receive("b2")
    assert not Path(project.work_area("b1")).exists() and Path(project.work_area("b2")).exists()


def test_a_stale_batch_is_abandoned(project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.put("a.png")
    (chunk,) = project.receive("b1")
    with project.ledger.write() as session:
        session.execute(update(Batch).values(started=now() - timedelta(days=30)))
    project.receive("b2")
    assert Path(project.work_area("b1")).exists(), "it was active recently"
    with project.ledger.write() as session:
        batches.release(session, batches.get(session, "c", "b1").id)
    monkeypatch.setattr(cleanup, "STALE_AFTER", timedelta(0))
    assert len(project.receive("b3")) == 1
    assert not Path(project.work_area("b1")).exists()
    with pytest.raises(InputVanished, match="given up"):
        mask(chunk)
