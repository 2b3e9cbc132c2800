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
# Whether SQLite can do it.
PROBE = ("CREATE VIRTUAL TABLE temp.probe USING fts5(x, tokenize='trigram')", "DROP TABLE temp.probe")


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
    if connection.dialect.name == "postgresql":
        # Both or neither: the extension may be there in a schema that is not searched.
        _can(connection, POSTGRESQL)
    elif _can(connection, PROBE):
        for statement in SQLITE:
            op.execute(statement)


def _can(connection: Connection, statements: tuple[str, ...]) -> bool:
    """Execute statements, all or none, and return whether the database can; parts are else found by reading all paths.

    SQLite has the index from 3.34 on, PostgreSQL where pg_trgm is installed and this user may use it.
    """
    try:
        with connection.begin_nested():
            for statement in statements:
                connection.execute(sa.text(statement))
    except DBAPIError:
        return False
    return True
