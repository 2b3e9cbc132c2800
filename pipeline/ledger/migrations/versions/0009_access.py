"""Columns for access copies and for content credentials: their URIs and digests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the columns; earlier outcomes have neither."""
    for name in ("access", "credentials"):
        op.add_column("ledger_outcomes", sa.Column(f"{name}_uri", sa.Text(), nullable=False, server_default=""))
        op.add_column("ledger_outcomes", sa.Column(f"{name}_sha256", sa.String(64), nullable=False, server_default=""))
