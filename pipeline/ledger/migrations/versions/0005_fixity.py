"""When each scan's files were last read again, and the rounds of such checks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create both tables; no scan has been checked yet."""
    op.create_table(
        "ledger_fixity_checks",
        sa.Column("scan_id", KEY, sa.ForeignKey("ledger_scans.id"), primary_key=True),
        sa.Column("checked", sa.DateTime(timezone=True), nullable=False),
        sa.Column("problems", sa.JSON(), nullable=False),
    )
    op.create_index("ix_ledger_fixity_checks_oldest", "ledger_fixity_checks", ["checked", "scan_id"])
    op.create_table(
        "ledger_fixity_rounds",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("collection", sa.String(63), nullable=False),
        sa.Column("output", sa.Text(), nullable=False),
        sa.Column("wanted", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("found", sa.JSON(), nullable=False),
        sa.Column("begun", sa.DateTime(timezone=True), nullable=False),
        sa.Column("active", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_index("ix_ledger_fixity_rounds_collection", "ledger_fixity_rounds", ["collection", "id"])
