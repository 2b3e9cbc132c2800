"""Indexes by which scans are found among millions: by name, part of a name, digest, batch, recipe, user and time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

revision = "0010"
down_revision = "0009"

# The index of three letters each that finds a part of a path; SQLite's is a table of its own beside the scans.
SQLITE = (
    """
    CREATE VIRTUAL TABLE ledger_scan_paths USING fts5(
        path, content='ledger_scans', content_rowid='id', tokenize='trigram', detail='none', columnsize=0
    )
    """,
    """
    CREATE TRIGGER ledger_scan_paths_added AFTER INSERT ON ledger_scans
    BEGIN INSERT INTO ledger_scan_paths (rowid, path) VALUES (NEW.id, NEW.path); END
    """,
    "INSERT INTO ledger_scan_paths (ledger_scan_paths) VALUES ('rebuild')",
)
POSTGRESQL = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    "CREATE INDEX ix_ledger_scans_path_part ON ledger_scans USING gin (path gin_trgm_ops)",
)


def upgrade() -> None:
    """Create the indexes; that of parts of paths only where the database has what it needs."""
    op.create_index("ix_ledger_scans_path", "ledger_scans", ["path"])
    op.create_index("ix_ledger_publications_stem", "ledger_publications", ["stem"])
    op.create_index("ix_ledger_outcomes_recipe", "ledger_outcomes", ["recipe_digest", "scan_id"])
    op.create_index("ix_ledger_outcomes_recorded", "ledger_outcomes", ["recorded", "scan_id"])
    op.create_index("ix_ledger_outcomes_restored", "ledger_outcomes", ["restored_sha256", "scan_id"])
    op.create_index("ix_ledger_decisions_by", "ledger_decisions", ["by", "scan_id"])
    op.create_index("ix_ledger_decisions_by_name", "ledger_decisions", ["by_name", "scan_id"])
    op.create_index("ix_ledger_batches_name", "ledger_batches", ["name"])
    op.create_index("ix_ledger_batches_digests", "ledger_batches", ["engine_digest", "recipe_digest"])
    op.drop_index("ix_ledger_events_batch", table_name="ledger_events")
    op.create_index("ix_ledger_events_batch", "ledger_events", ["batch_id", "scan_id", "id"])
    connection = op.get_bind()
    for statement in _statements(connection):
        op.execute(statement)


def _statements(connection: Connection) -> tuple[str, ...]:
    """Return what creates the index of parts; nothing where it cannot be had, and parts are then found by reading all.

    SQLite has it from 3.34 on, PostgreSQL where pg_trgm is installed and this user may use it.
    """
    probe = {"sqlite": "CREATE VIRTUAL TABLE temp.probe USING fts5(x, tokenize='trigram')", "postgresql": POSTGRESQL[0]}
    statement = probe.get(connection.dialect.name)
    if statement is None:
        return ()
    try:
        with connection.begin_nested():
            connection.execute(sa.text(statement))
    except DBAPIError:
        return ()
    if connection.dialect.name == "sqlite":
        connection.execute(sa.text("DROP TABLE temp.probe"))
        return SQLITE
    return POSTGRESQL
