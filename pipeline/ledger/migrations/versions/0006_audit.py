"""Random samples of unseen repairs, the work that a batch took, and the room that results take."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables; of earlier batches no sample was drawn, and their work is not known."""
    op.add_column("ledger_batches", sa.Column("work_seconds", sa.Float(), nullable=False, server_default="0"))
    op.create_table(
        "ledger_samples",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("collection", sa.String(63), nullable=False),
        sa.Column("batch_id", KEY, sa.ForeignKey("ledger_batches.id"), nullable=False),
        sa.Column("scan_id", KEY, sa.ForeignKey("ledger_scans.id"), nullable=False),
        sa.Column("recipe_digest", sa.String(64), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("verdict", sa.String(8), nullable=False),
        sa.Column("drawn", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("batch_id", "scan_id", name="uq_ledger_samples"),
    )
    op.create_index("ix_ledger_samples_batch", "ledger_samples", ["collection", "batch_id", "verdict"])
    op.create_index("ix_ledger_samples_scan", "ledger_samples", ["scan_id", "recipe_digest"])
    op.create_table(
        "ledger_usage",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("collection", sa.String(63), nullable=False),
        sa.Column("output", sa.Text(), nullable=False),
        sa.Column("files", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("collection", "output", name="uq_ledger_usage"),
    )
