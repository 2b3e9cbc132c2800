"""Backing up a ledger while it is written to, and putting the copy back: what was done since is recognised."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from postgres_server import postgres, program
from small_project import count_outcomes
from sqlalchemy import func, select

from pipeline.cli import main
from pipeline.ledger import Outcome, TaskContext, batches, events, outcomes, scans
from pipeline.ledger.migrate import shared_ledger, upgrade
from pipeline.ledger.tables import Event, Scan
from pipeline.settings import settings
from pipeline.stages import manifest
from pipeline.stages.reconcile import reconcile


def test_a_ledger_is_copied_while_it_is_written_to_and_put_back(finished, capsys, tmp_path) -> None:
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            with finished.ledger.write() as session:
                batch = batches.get(session, "c", "b1").id
                events.append(session, batch, TaskContext(), [events.EventRecord(None, "digest")] * 20)

    writer = threading.Thread(target=write)
    writer.start()
    copy = tmp_path / "backup/monday.db"
    try:
        assert main(["backup", str(copy)]) == 0
    finally:
        stop.set()
        writer.join()
    capsys.readouterr()
    with upgrade(f"sqlite:///{copy}").read() as session:
        assert (session.scalar(select(func.count()).select_from(Event).where(Event.stage == "digest")) or 0) % 20 == 0
    before = copy.read_bytes()
    assert main(["backup", str(copy)]) == 2 and "exists already" in capsys.readouterr().err
    assert copy.read_bytes() == before

    finished.put("later.png", 5)
    finished.restore(finished.receive())
    reconcile(finished.work_area())
    everything = count_outcomes(finished)
    finished.ledger.close()
    for suffix in ("-wal", "-shm"):
        (tmp_path / f"ledger.db{suffix}").unlink(missing_ok=True)
    shutil.copy(copy, tmp_path / "ledger.db")
    shared_ledger.cache_clear()
    finished.ledger = shared_ledger(settings().ledger_url)
    assert count_outcomes(finished) != everything
    assert [row.path for chunk in finished.receive() for row in manifest.read(chunk)] == []
    assert count_outcomes(finished) == everything, "what was done since is recognised"


def test_a_backup_is_refused_in_an_inbox_and_without_a_ledger(finished, capsys, tmp_path) -> None:
    assert main(["backup", str(finished.inbox / "ledger.db")]) == 2
    assert "is in the inbox" in capsys.readouterr().err
    assert main(["backup", str(tmp_path / "x.db"), "--ledger", str(tmp_path / "none.db")]) == 2
    assert not (tmp_path / "x.db").exists()


def test_a_postgres_ledger_is_dumped_and_restored(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    restore = program("pg_restore", "postgresql-client")
    monkeypatch.setenv("PATH", f"{Path(restore).parent}{os.pathsep}{os.environ['PATH']}")
    with postgres("ledger") as server:
        url = server.url("ledger")
        with upgrade(url).write() as session:
            fixed = dict.fromkeys(("inbox", "output", "engine", "engine_digest", "code_version"), "/x")
            batches.open_batch(session, "c", "b1", fixed | {"recipe": {}, "recipe_digest": "r"})
            scan = Scan(collection="c", path="a.png", sha256="1" * 64, bytes=10, fingerprint="")
            values = {"outcome": Outcome.REVIEW, "figures": {"review_reason": "Half of it"}, "mask_uri": "/x/masks/a"}
            scan_id, batch_id = scans.record(session, scan), batches.get(session, "c", "b1").id
            outcomes.record(session, scan_id=scan_id, recipe_digest="r", batch_id=batch_id, **values)
        assert main(["list", "--reason", "half of", "--csv", "--ledger", url]) == 0
        assert ",review,,Half of it,c,b1,a.png," in capsys.readouterr().out
        dump = tmp_path / "monday.dump"
        assert main(["backup", str(dump), "--ledger", url]) == 0
        with upgrade(url).write() as session:
            batches.open_batch(session, "c", "b2", fixed | {"recipe": {}, "recipe_digest": "r"})
        plain = url.replace("+psycopg2", "")
        subprocess.run([restore, "--clean", "--if-exists", f"--dbname={plain}", str(dump)], check=True)
        with upgrade(url).read() as session:
            assert [batch.name for batch in batches.unfinished(session, "c")] == ["b1"]
        with upgrade(url).write() as session:
            batches.finish(session, batch_id, {})
        assert main(["move", "/x", "/y", "--missing-ok", "--ledger", url]) == 0
        assert main(["rename", "c", "d", "--ledger", url]) == 0
        assert main(["list", "--collection", "d", "--csv", "--ledger", url]) == 0
        assert ",/y/masks/a," in capsys.readouterr().out
        assert main(["backup", str(tmp_path / "other"), "--ledger", url.replace("/ledger", "/none")]) == 1
        assert not list(tmp_path.glob(".part-*")) and not (tmp_path / "other").exists()
