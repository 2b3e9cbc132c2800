"""What killed and forgotten runs left is cleared; what may still be alive is not."""

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
from pipeline.stages import tidy
from pipeline.stages.mask import mask
from pipeline.stages.reconcile import reconcile
from pipeline.stages.work import GoneError


def leftover(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f".part-{os.getpid()}-{uuid.uuid4().hex}"
    path.write_bytes(b"half")
    return path


def test_half_files_of_killed_writers_go_with_the_batch(house) -> None:
    house.put("a.png")
    chunks = house.receive("b1")
    left = [leftover(house.output / "restored/box"), leftover(house.output / "reports/b0")]
    house.restore(chunks)
    reconcile(house.work("b1"), chunks)
    assert not any(path.exists() for path in left)


def test_half_files_stay_while_another_run_may_be_writing_them(house) -> None:
    house.put("a.png")
    chunks = house.receive("b1", limit=1)
    house.put("b.png", 1)
    house.receive("b2")
    young, old = leftover(house.output / "restored"), leftover(house.output / "masks")
    os.utime(old, (time.time() - 7200, time.time() - 7200))
    house.restore(chunks)
    reconcile(house.work("b1"), chunks)
    assert young.exists() and not old.exists()


def test_a_work_area_that_came_back_is_removed(house) -> None:
    house.put("a.png")
    house.restore(chunks := house.receive("b1"))
    reconcile(house.work("b1"), chunks)
    Path(house.work("b1"), "masks").mkdir(parents=True)
    house.receive("b2")
    assert not Path(house.work("b1")).exists() and Path(house.work("b2")).exists()


def test_a_batch_that_nobody_takes_up_is_given_up(house, monkeypatch: pytest.MonkeyPatch) -> None:
    house.put("a.png")
    (chunk,) = house.receive("b1")
    with house.ledger.write() as session:
        session.execute(update(Batch).values(started=now() - timedelta(days=30)))
    house.receive("b2")
    assert Path(house.work("b1")).exists(), "it was heard of lately"
    with house.ledger.write() as session:
        batches.release(session, batches.get(session, "c", "b1").id)
    monkeypatch.setattr(tidy, "FORSAKEN", timedelta(0))
    assert len(house.receive("b3")) == 1
    assert not Path(house.work("b1")).exists()
    with pytest.raises(GoneError, match="given up"):
        mask(chunk)
