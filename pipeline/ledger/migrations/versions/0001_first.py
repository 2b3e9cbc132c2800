"""The first schema: scans, batches, outcomes, events, decisions, publications and claims."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)

# Events are never changed, because they are the audit trail.
APPEND_ONLY = {
    "sqlite": (
        """
        CREATE TRIGGER ledger_events_no_update BEFORE UPDATE ON ledger_events
        BEGIN SELECT RAISE(ABORT, 'events are append-only'); END
        """,
        """
        CREATE TRIGGER ledger_events_no_delete BEFORE DELETE ON ledger_events
        BEGIN SELECT RAISE(ABORT, 'events are append-only'); END
        """,
    ),
    "postgresql": (
        """
        CREATE FUNCTION ledger_events_refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'events are append-only'; END $$
        """,
        """
        CREATE TRIGGER ledger_events_append_only BEFORE UPDATE OR DELETE ON ledger_events
        FOR EACH ROW EXECUTE FUNCTION ledger_events_refuse()
        """,
    ),
}


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "ledger_batches",
        sa.Column("id", KEY, nullable=False),
        sa.Column("collection", sa.String(length=63), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("inbox", sa.Text(), nullable=False),
        sa.Column("output", sa.Text(), nullable=False),
        sa.Column("recipe", sa.JSON(), nullable=False),
        sa.Column("recipe_digest", sa.String(length=64), nullable=False),
        sa.Column("engine", sa.String(length=64), nullable=False),
        sa.Column("engine_digest", sa.Text(), nullable=False),
        sa.Column("code_version", sa.Text(), nullable=False),
        sa.Column("dag_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("attempt", sa.String(length=32), nullable=False),
        sa.Column("chunks", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("known", sa.BigInteger(), nullable=False),
        sa.Column("elsewhere", sa.BigInteger(), nullable=False),
        sa.Column("more", sa.Boolean(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("started", MOMENT, nullable=False),
        sa.Column("finished", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("collection", "name", name="uq_ledger_batches"),
    )
    op.create_table(
        "ledger_scans",
        sa.Column("id", KEY, nullable=False),
        sa.Column("collection", sa.String(length=63), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("format", sa.String(length=32), nullable=False),
        sa.Column("width", sa.BigInteger(), nullable=False),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.Column("channels", sa.BigInteger(), nullable=False),
        sa.Column("bit_depth", sa.BigInteger(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("first_seen", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("collection", "path", "sha256", name="uq_ledger_scans"),
    )
    op.create_index("ix_ledger_scans_content", "ledger_scans", ["sha256", "collection"], unique=False)
    op.create_table(
        "ledger_claims",
        sa.Column("scan_id", KEY, nullable=False),
        sa.Column("recipe_digest", sa.String(length=64), nullable=False),
        sa.Column("batch_id", KEY, nullable=False),
        sa.Column("expires", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["ledger_batches.id"],
        ),
        sa.ForeignKeyConstraint(
            ["scan_id"],
            ["ledger_scans.id"],
        ),
        sa.PrimaryKeyConstraint("scan_id", "recipe_digest"),
    )
    op.create_index("ix_ledger_claims_batch", "ledger_claims", ["batch_id"], unique=False)
    op.create_table(
        "ledger_decisions",
        sa.Column("id", KEY, nullable=False),
        sa.Column("scan_id", KEY, nullable=False),
        sa.Column("recipe_digest", sa.String(length=64), nullable=False),
        sa.Column("decision", sa.String(length=16), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("mask_uri", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["scan_id"],
            ["ledger_scans.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_ledger_decisions_scan", "ledger_decisions", ["scan_id", "id"], unique=False)
    op.create_table(
        "ledger_events",
        sa.Column("id", KEY, nullable=False),
        sa.Column("scan_id", KEY, nullable=True),
        sa.Column("batch_id", KEY, nullable=True),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=48), nullable=False),
        sa.Column("decision", sa.String(length=48), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("dag_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("map_index", sa.BigInteger(), nullable=False),
        sa.Column("try_number", sa.BigInteger(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["ledger_batches.id"],
        ),
        sa.ForeignKeyConstraint(
            ["scan_id"],
            ["ledger_scans.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_ledger_events_batch", "ledger_events", ["batch_id", "id"], unique=False)
    op.create_index("ix_ledger_events_scan", "ledger_events", ["scan_id", "id"], unique=False)
    op.create_table(
        "ledger_outcomes",
        sa.Column("id", KEY, nullable=False),
        sa.Column("scan_id", KEY, nullable=False),
        sa.Column("recipe_digest", sa.String(length=64), nullable=False),
        sa.Column("batch_id", KEY, nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("mask_given", sa.Text(), nullable=False),
        sa.Column("restored_uri", sa.Text(), nullable=False),
        sa.Column("restored_sha256", sa.String(length=64), nullable=False),
        sa.Column("restored_bytes", sa.BigInteger(), nullable=False),
        sa.Column("mask_uri", sa.Text(), nullable=False),
        sa.Column("mask_sha256", sa.String(length=64), nullable=False),
        sa.Column("sidecar_uri", sa.Text(), nullable=False),
        sa.Column("sidecar_sha256", sa.String(length=64), nullable=False),
        sa.Column("code_version", sa.Text(), nullable=False),
        sa.Column("recorded", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["ledger_batches.id"],
        ),
        sa.ForeignKeyConstraint(
            ["scan_id"],
            ["ledger_scans.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("scan_id", "recipe_digest", name="uq_ledger_outcomes"),
    )
    op.create_index("ix_ledger_outcomes_batch", "ledger_outcomes", ["batch_id", "outcome"], unique=False)
    op.create_table(
        "ledger_publications",
        sa.Column("id", KEY, nullable=False),
        sa.Column("collection", sa.String(length=63), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("stem", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("scan_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["scan_id"],
            ["ledger_scans.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("collection", "key", name="uq_ledger_publications_key"),
        sa.UniqueConstraint("collection", "path", name="uq_ledger_publications_path"),
    )
    for statement in APPEND_ONLY.get(op.get_bind().dialect.name, ()):
        op.execute(statement)
