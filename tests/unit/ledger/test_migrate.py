"""Migrations: run once, whichever process is first, and match the declared tables."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from pipeline.errors import ConfigurationError, StoreUnavailable
from pipeline.ledger import TaskContext, events, migrate, verify
from pipeline.ledger.database import Ledger
from pipeline.ledger.migrate import VERSION_TABLE, upgrade
from pipeline.ledger.paths import INDEX
from pipeline.ledger.tables import Base, OutcomeRow


# SQLite's index of uploads is of an expression, which SQLAlchemy does not read back.
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_migrations_create_exactly_the_declared_tables(ledger: Ledger) -> None:
    with ledger.engine.connect() as connection:
        # SQLite's index of parts of paths is kept in tables of its own.
        opts = {
            "version_table": VERSION_TABLE,
            "compare_type": True,
            "include_name": lambda name, kind, _: not (kind == "table" and name.startswith(INDEX)),
        }
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, Base.metadata) == []


def test_the_newest_schema_version_is_stated_without_alembic() -> None:
    folder = Path(migrate.__file__).parent / "migrations"
    assert ScriptDirectory(str(folder)).get_current_head() == migrate.HEAD


def test_every_table_has_the_prefix(ledger: Ledger) -> None:
    assert all(name.startswith("ledger_") for name in inspect(ledger.engine).get_table_names())


def test_upgrading_again_keeps_the_rows(ledger: Ledger, make_batch) -> None:
    with ledger.write() as session:
        make_batch(session)
    again = upgrade(ledger.url)
    with again.read() as session:
        assert session.execute(text("SELECT count(*) FROM ledger_batches")).scalar() == 1


def test_outcomes_of_an_older_schema_have_no_suggestions(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from alembic import command

    newest, wanted = command.upgrade, ["0002"]
    monkeypatch.setattr(command, "upgrade", lambda config, _: newest(config, wanted[0]))
    old = upgrade(url)
    with old.write() as session:
        session.execute(
            text(
                "INSERT INTO ledger_scans (id, collection, path, sha256, bytes, fingerprint, format, width, height,"
                " channels, bit_depth, first_seen) VALUES (1, 'c', 'a', 'x', 1, '', '', 0, 0, 0, 0, '2026-01-01')"
            )
        )
        session.execute(
            text(
                "INSERT INTO ledger_batches (id, collection, name, state, inbox, output, recipe, recipe_digest, engine,"
                " engine_digest, code_version, dag_id, run_id, host, holder, attempt, chunks, received, known,"
                " elsewhere, more, counts, started) VALUES (1, 'c', 'b', 'done', '', '', '{}', '', '', '', '', '', '',"
                " '', '', '', 0, 0, 0, 0, 0, '{}', '2026-01-01')"
            )
        )
        session.execute(
            text(
                "INSERT INTO ledger_outcomes (id, scan_id, recipe_digest, batch_id, outcome, reason, message, figures,"
                " mask_given, restored_uri, restored_sha256, restored_bytes, mask_uri, mask_sha256, sidecar_uri,"
                " sidecar_sha256, code_version, recorded) VALUES (1, 1, 'r', 1, 'unchanged', '', '', '{}', '', '', '',"
                " 0, '', '', '', '', '', '2026-01-01 00:00:00')"
            )
        )
    wanted[0] = "head"
    with upgrade(url).read() as session:
        outcome = session.query(OutcomeRow).one()
        assert (outcome.outcome, outcome.suggested_uri, outcome.suggested_sha256) == ("unchanged", "", "")


def test_several_processes_may_upgrade_at_the_same_time(url: str) -> None:
    code = f"from pipeline.ledger.migrate import upgrade; upgrade({url!r}).close()"
    running = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(4)]
    errors = [process.communicate(timeout=60)[1] for process in running]
    assert [process.returncode for process in running] == [0] * 4, errors


def test_a_ledger_of_a_newer_version_is_refused(ledger: Ledger) -> None:
    with ledger.write() as session:
        session.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(ConfigurationError, match="newer version"):
        upgrade(ledger.url)


@pytest.mark.parametrize("url", ["nonsense", "oracle9://x/y"])
def test_a_wrong_url_is_named(url: str) -> None:
    with pytest.raises((ConfigurationError, StoreUnavailable)):
        upgrade(url)


def test_a_folder_that_cannot_be_created_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigurationError, match="folder cannot be created"):
        upgrade(f"sqlite:///{tmp_path}/file/ledger.db")


@pytest.mark.parametrize("statement", ["UPDATE ledger_events SET stage = 'x'", "DELETE FROM ledger_events"])
def test_events_cannot_be_changed(ledger: Ledger, make_batch, statement: str) -> None:
    with ledger.write() as session:
        events.append(session, make_batch(session), TaskContext(), [events.EventRecord(None, "receive")])
    with pytest.raises(DBAPIError, match="append-only"), ledger.write() as session:
        session.execute(text(statement))


def test_a_failed_transaction_leaves_nothing(ledger: Ledger, make_batch) -> None:
    with pytest.raises(RuntimeError), ledger.write() as session:
        make_batch(session)
        raise RuntimeError
    with ledger.read() as session:
        assert session.execute(text("SELECT count(*) FROM ledger_batches")).scalar() == 0


OLD_EVENT = (
    "INSERT INTO ledger_events (scan_id, batch_id, stage, kind, decision, message, figures, seconds, dag_id, run_id,"
    " task_id, map_index, try_number, host, at) VALUES (:scan, :batch, 'mask', '', :number, 'ä',"
    " '{\"coverage\": 0.25}', 0.5, '', '', '', -1, 0, 'h', '2026-01-01 00:00:00+00:00')"
)


def test_events_of_an_older_ledger_are_chained_from_the_first_on(
    either_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alembic import command

    newest, wanted = command.upgrade, ["0007"]
    monkeypatch.setattr(command, "upgrade", lambda config, _: newest(config, wanted[0]))
    old = upgrade(either_url)
    count = 5003
    with old.write() as session:
        for key, collection in ((1, "c"), (2, "d")):
            session.execute(
                text(
                    "INSERT INTO ledger_scans (id, collection, path, sha256, bytes, fingerprint, format, width, height,"
                    f" channels, bit_depth, first_seen) VALUES ({key}, '{collection}', 'a', 'x', 1, '', '', 0, 0, 0, 0,"
                    " '2026-01-01')"
                )
            )
            session.execute(
                text(
                    "INSERT INTO ledger_batches (id, collection, name, state, inbox, output, recipe, recipe_digest,"
                    " engine, engine_digest, code_version, dag_id, run_id, host, holder, attempt, chunks, received,"
                    f" known, elsewhere, more, counts, started) VALUES ({key}, '{collection}', 'b', 'done', '', '',"
                    " '{}', '', '', '', '', '', '', '', '', '', 0, 0, 0, 0, false, '{}', '2026-01-01')"
                )
            )
        rows = [{"scan": 1, "batch": 1, "number": str(number)} for number in range(count)]
        # Of another collection, of a scan without a batch, and of the ledger as a whole.
        rows += [{"scan": 2, "batch": 2, "number": "1"}, {"scan": 2, "batch": None, "number": "2"}]
        rows += [{"scan": None, "batch": None, "number": "moved"}]
        session.execute(text(OLD_EVENT), rows)
    wanted[0] = "head"
    new = upgrade(either_url)
    with new.read() as session:
        found = {name: verify.verify(session, name) for name in ("c", "d", "")}
    assert all(one.is_whole for one in found.values())
    assert [one.head.position for one in found.values()] == [count, 2, 1]
    with new.write() as session:
        for collection in ("c", "e", ""):
            events.append(session, None, TaskContext(), [events.EventRecord(None, "prune")], collection=collection)
    with new.read() as session:
        assert [verify.verify(session, name).head.position for name in ("c", "e", "")] == [count + 1, 1, 2]
        assert all(verify.verify(session, name).is_whole for name in ("c", "d", "e", ""))
    with pytest.raises(DBAPIError, match="append-only"), new.write() as session:
        session.execute(text("UPDATE ledger_events SET stage = 'x'"))
