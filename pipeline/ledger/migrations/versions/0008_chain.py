"""Chain the events of every collection, those of older ledgers from their first event on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Connection

from pipeline.ledger.chain import GENESIS, digest

revision = "0008"
down_revision = "0007"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# Events that are held in memory at a time.
PAGE = 2000

# Until every event is chained, and from then on.
OPEN = {
    "sqlite": ("DROP TRIGGER ledger_events_no_update",),
    "postgresql": ("ALTER TABLE ledger_events DISABLE TRIGGER ledger_events_append_only",),
}
CLOSED = {
    "sqlite": (
        """
        CREATE TRIGGER ledger_events_no_update BEFORE UPDATE ON ledger_events
        BEGIN SELECT RAISE(ABORT, 'events are append-only'); END
        """,
        """
        CREATE TRIGGER ledger_events_chained BEFORE INSERT ON ledger_events
        WHEN NEW.chain_id IS NULL OR NEW.position IS NULL OR NEW.previous IS NULL
        BEGIN SELECT RAISE(ABORT, 'events are chained: update this code, the ledger is newer'); END
        """,
    ),
    "postgresql": (
        "ALTER TABLE ledger_events ENABLE TRIGGER ledger_events_append_only",
        """
        ALTER TABLE ledger_events ADD CONSTRAINT ledger_events_chained
        CHECK (chain_id IS NOT NULL AND position IS NOT NULL AND previous IS NOT NULL)
        """,
    ),
}

EVENTS = sa.table(
    "ledger_events",
    *(sa.column(name, sa.Text()) for name in ("stage", "kind", "decision", "message", "host")),
    *(sa.column(name, sa.Text()) for name in ("dag_id", "run_id", "task_id")),
    *(sa.column(name, sa.BigInteger()) for name in ("id", "scan_id", "batch_id", "map_index", "try_number")),
    sa.column("figures", sa.JSON()),
    sa.column("seconds", sa.Float()),
    sa.column("at", sa.DateTime(timezone=True)),
)
SCANS = sa.table("ledger_scans", *(sa.column(name) for name in ("id", "collection", "path", "sha256")))
BATCHES = sa.table("ledger_batches", *(sa.column(name) for name in ("id", "collection", "name")))


def upgrade() -> None:
    """Add the chains, chain every event, and let the database refuse events that are in none."""
    op.create_table(
        "ledger_chains",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("collection", sa.String(63), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.String(64), nullable=False),
        sa.UniqueConstraint("collection", name="uq_ledger_chains"),
    )
    for name, kind in (("chain_id", sa.BigInteger()), ("position", sa.BigInteger()), ("previous", sa.String(64))):
        op.add_column("ledger_events", sa.Column(name, kind, nullable=True))
    connection = op.get_bind()
    for statement in OPEN.get(connection.dialect.name, ()):
        op.execute(statement)
    chains: dict[str, _Chain] = {}
    for page in _pages(connection):
        _write(connection, [_chained(chains, row) for row in page])
    for collection, chain in chains.items():
        values = {"id": chain.id, "collection": collection, "length": chain.length, "head": chain.head}
        connection.execute(
            sa.text(
                "INSERT INTO ledger_chains (id, collection, length, head) VALUES (:id, :collection, :length, :head)"
            ),
            values,
        )
    if connection.dialect.name == "postgresql":
        # The ids above were given here, of which the column's sequence knows nothing.
        op.execute(
            "SELECT setval(pg_get_serial_sequence('ledger_chains', 'id'), (SELECT count(*) + 1 FROM ledger_chains))"
        )
    op.create_index("ix_ledger_events_chain", "ledger_events", ["chain_id", "position"], unique=True)
    for statement in CLOSED.get(connection.dialect.name, ()):
        op.execute(statement)


class _Chain:
    # No dataclass: Alembic loads this module under no name.
    def __init__(self, key: int) -> None:
        self.id, self.length, self.head = key, 0, GENESIS


def _pages(connection: Connection) -> Iterator[list[Any]]:
    """Yield every event with path and sha256 of its scan, name of its batch, and collection, by id."""
    last = 0
    query = (
        sa.select(
            EVENTS, SCANS.c.path, SCANS.c.sha256, BATCHES.c.name.label("batch"),
            sa.func.coalesce(BATCHES.c.collection, SCANS.c.collection, "").label("collection"),
        )
        .select_from(
            EVENTS.outerjoin(SCANS, SCANS.c.id == EVENTS.c.scan_id)
            .outerjoin(BATCHES, BATCHES.c.id == EVENTS.c.batch_id)
        )
        .order_by(EVENTS.c.id)
        .limit(PAGE)
    )  # fmt: skip
    while page := list(connection.execute(query.where(EVENTS.c.id > last)).mappings()):
        yield page
        last = page[-1]["id"]


def _chained(chains: dict[str, _Chain], row: Any) -> dict[str, Any]:
    """Return place and predecessor of an event, which becomes the last of its chain."""
    chain = chains.setdefault(row["collection"], _Chain(len(chains) + 1))
    chain.length += 1
    # SQLite stores moments in UTC, without a zone.
    at = row["at"] if row["at"].tzinfo else row["at"].replace(tzinfo=UTC)
    place = {"position": chain.length, "previous": chain.head}
    scan = None if row["scan_id"] is None else (row["path"], row["sha256"])
    chain.head = digest({**row, **place, "at": at}, row["batch"], scan)
    return {"key": row["id"], "chain": chain.id, **place}


def _write(connection: Connection, places: list[dict[str, Any]]) -> None:
    if connection.dialect.name != "postgresql":
        statement = (
            "UPDATE ledger_events SET chain_id = :chain, position = :position, previous = :previous WHERE id = :key"
        )
        connection.execute(sa.text(statement), places)
        return
    # One statement for all: PostgreSQL's driver would send one for each.
    statement = """
        UPDATE ledger_events SET chain_id = place.chain, position = place.position, previous = place.previous
        FROM unnest(CAST(:key AS bigint[]), CAST(:chain AS bigint[]), CAST(:position AS bigint[]),
                    CAST(:previous AS varchar[])) AS place (key, chain, position, previous)
        WHERE ledger_events.id = place.key
    """
    connection.execute(sa.text(statement), {name: [one[name] for one in places] for name in places[0]})
