"""Indexes that hold what the queue is filtered by, so that its filters and counts read no row that they leave out."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"

FILTERS = ["outcome", "kinds", "reasons", "recorded", "decided_by"]


def upgrade() -> None:
    """Widen the indexes of the queue's order; the one by collection replaces that of the sums of marks."""
    for name in ("queue", "state", "order", "marks"):
        op.drop_index(f"ix_ledger_reviews_{name}", table_name="ledger_reviews")
    queue = ["collection", "state", "priority", "id", "marks", *FILTERS]
    op.create_index("ix_ledger_reviews_queue", "ledger_reviews", queue)
    op.create_index("ix_ledger_reviews_state", "ledger_reviews", ["state", "priority", "id", *FILTERS])
    op.create_index("ix_ledger_reviews_order", "ledger_reviews", ["priority", "id", *FILTERS])
