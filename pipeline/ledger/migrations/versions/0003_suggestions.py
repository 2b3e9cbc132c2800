"""Columns for the mask of suggested damage: its URI and digest."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns; earlier outcomes have no such mask."""
    op.add_column("ledger_outcomes", sa.Column("suggested_uri", sa.Text(), nullable=False, server_default=""))
    op.add_column(
        "ledger_outcomes", sa.Column("suggested_sha256", sa.String(length=64), nullable=False, server_default="")
    )
