"""An index from which the marks of a whole queue are summed without reading the queue."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Create the index."""
    op.create_index("ix_ledger_reviews_marks", "ledger_reviews", ["collection", "state", "marks"])
