"""All stages with the ledger on a real PostgreSQL server, started here."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from end_to_end import RECIPE, check_output, fill_inbox, restored, run
from postgres_server import PostgresServer, postgres
from sqlalchemy import func, inspect, select, text
from sqlalchemy.exc import DBAPIError

from pipeline.cli import main
from pipeline.errors import StoreUnavailable
from pipeline.ledger import TaskContext, batches, claims, events, scans
from pipeline.ledger.migrate import VERSION_TABLE, upgrade
from pipeline.ledger.tables import Base, Batch, Scan

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres() as running:
        yield running


def test_the_schema_is_the_same_as_on_sqlite_and_made_once(server: PostgresServer) -> None:
    code = f"from pipeline.ledger.migrate import upgrade; upgrade({server.url()!r}).close()"
    running = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(3)]
    errors = [process.communicate(timeout=120)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], errors
    ledger = upgrade(server.url())
    with ledger.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        # Of expressions, which only migrations make; that of parts of paths only where the database can have it.
        apart = ("ix_ledger_scans_path_part", "ix_ledger_events_uploaded")
        found = [one for one in compare_metadata(context, Base.metadata) if not any(name in str(one) for name in apart)]
        assert found == []
    assert all(name.startswith("ledger_") for name in inspect(ledger.engine).get_table_names())


def test_claims_events_and_moments(server: PostgresServer) -> None:
    ledger = upgrade(server.url())
    fixed = dict.fromkeys(("inbox", "output", "engine", "engine_digest", "code_version"), "x")
    with ledger.write() as session:
        one, two = (
            batches.open_batch(session, "pg", name, fixed | {"recipe": {"a": [1]}, "recipe_digest": "r"}).id
            for name in ("b1", "b2")
        )
        scan = Scan(collection="pg", path="ü\n'.png", sha256="1" * 64, bytes=2**40, fingerprint="f")
        scan_id = scans.record(session, scan)
        assert scans.record(session, scan) == scan_id
        assert claims.take(session, one, "r", [scan_id]) == {scan_id}
        assert claims.take(session, two, "r", [scan_id]) == set()
        events.append(
            session, one, TaskContext(), [events.EventRecord(scan_id, "mask", figures={"psnr": float("nan")})]
        )
    with ledger.read() as session:
        batch = session.scalars(select(Batch).where(Batch.id == one)).one()
        assert batch.started.utcoffset().total_seconds() == 0 and batch.recipe == {"a": [1]}
        assert session.scalars(select(Scan.bytes).where(Scan.id == scan_id)).one() == 2**40
    with pytest.raises(DBAPIError, match="append-only"), ledger.write() as session:
        session.execute(text("DELETE FROM ledger_events"))


def test_a_folder_is_restored_and_the_database_may_restart(
    server: PostgresServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inbox, output = tmp_path / "in", tmp_path / "out"
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    fill_inbox(inbox, ["a.png", "box/b.png"])
    line = ("restore", inbox, output, "--recipe", tmp_path / "recipe.yaml", "--json")
    server.stop()
    done = run(*line, RESTORATION_LEDGER_URL=server.url())
    assert done.returncode == 1 and "the ledger did not answer" in done.stderr, done.stderr
    assert len(done.stderr.splitlines()) == 1
    server.start()
    said = restored(*line[1:-1], RESTORATION_LEDGER_URL=server.url())
    assert said["outcomes"]["restored"] == 2 and not (output / "ledger.db").exists()
    check_output(output, {"a": "restored", "box/b": "restored"})
    assert restored(*line[1:-1], RESTORATION_LEDGER_URL=server.url())["known"] == 2
    assert main(["trace", "b.png", "--json", "--ledger", server.url()]) == 0
    assert json.loads(capsys.readouterr().out)["scans"][0]["outcomes"][0]["outcome"] == "restored"
    with upgrade(server.url()).read() as session:
        assert session.scalar(select(func.count()).select_from(Batch).where(Batch.state == "done")) == 2


def test_a_broken_connection_is_reported_as_such(server: PostgresServer) -> None:
    ledger = upgrade(server.url())
    with pytest.raises(StoreUnavailable, match="did not answer"), ledger.write() as session:
        session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    with ledger.read() as session:
        assert session.scalar(text("SELECT 1")) == 1
