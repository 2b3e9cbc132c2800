"""What the tests of the command line share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from image_files import png

from pipeline.ledger import Outcome, TaskContext, batches, events, outcomes, publications, scans
from pipeline.ledger.migrate import upgrade
from pipeline.ledger.tables import Scan
from pipeline.settings import settings


@pytest.fixture(autouse=True)
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Run without a ledger in the environment or the working directory, and without records of earlier runs."""
    monkeypatch.setenv("RESTORATION_LEDGER_URL", "")
    monkeypatch.delenv("RESTORATION_LEDGER_URL")
    monkeypatch.chdir(tmp_path)
    # Not the user's cache, in which the records of all these folders would stay.
    monkeypatch.setattr("pipeline.cli.own_files._folder", lambda: tmp_path / ".written")
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.png").write_bytes(png(np.full((40, 50, 3), 120, np.uint8)))
    return folder


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Return a ledger with two scans of one name, one of them replaced once."""
    opened = upgrade(f"sqlite:///{tmp_path}/ledger.db")
    fixed = dict.fromkeys(("inbox", "output", "engine", "engine_digest", "code_version"), "x")
    with opened.write() as session:
        batch = batches.open_batch(session, "c", "b1", fixed | {"recipe": {}, "recipe_digest": "r"}).id
        for path, sha256 in (("x/a.png", "1"), ("y/a.png", "2"), ("y/a.png", "3"), ("<b>\n.png", "4")):
            scan = Scan(collection="c", path=path, sha256=sha256 * 64, bytes=10, fingerprint="")
            scan_id = scans.record(session, scan)
            publications.reserve(session, "c", path, scan_id)
            outcomes.record(session, scan_id=scan_id, recipe_digest="r", batch_id=batch, outcome=Outcome.RESTORED)
            context = TaskContext("restore_c", "run", "publish", 3, 2)
            events.append(session, batch, context, [events.EventRecord(scan_id, "publish", figures={"psnr": 31.25})])
    return tmp_path / "ledger.db"
