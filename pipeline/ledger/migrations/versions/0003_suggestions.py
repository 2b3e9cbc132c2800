"""Where the mask of what was marked and not filled lies, and its digest."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns; outcomes recorded before have no such mask."""
    op.add_column("ledger_outcomes", sa.Column("suggested_uri", sa.Text(), nullable=False, server_default=""))
    op.add_column(
        "ledger_outcomes", sa.Column("suggested_sha256", sa.String(length=64), nullable=False, server_default="")
    )
