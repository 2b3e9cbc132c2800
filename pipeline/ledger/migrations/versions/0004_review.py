"""The queue of what people are asked to look at, and who decided about what they saw."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the queue, fill it with the outcomes there are, and let decisions name what was seen."""
    for name, kind in (("by_name", sa.Text()), ("seen", sa.String(64)), ("previous", sa.String(16))):
        op.add_column("ledger_decisions", sa.Column(name, kind, nullable=False, server_default=""))
    op.add_column("ledger_batches", sa.Column("settings", sa.JSON(), nullable=False, server_default="{}"))
    op.create_table(
        "ledger_reviews",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("scan_id", KEY, sa.ForeignKey("ledger_scans.id"), nullable=False),
        sa.Column("recipe_digest", sa.String(64), nullable=False),
        sa.Column("batch_id", KEY, sa.ForeignKey("ledger_batches.id"), nullable=False),
        sa.Column("collection", sa.String(63), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("priority", sa.Float(), nullable=False),
        sa.Column("marks", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided", sa.DateTime(timezone=True), nullable=True),
        sa.UniqueConstraint("scan_id", "recipe_digest", name="uq_ledger_reviews"),
    )
    op.create_index("ix_ledger_reviews_queue", "ledger_reviews", ["collection", "state", "priority", "id"])
    op.create_index("ix_ledger_reviews_batch", "ledger_reviews", ["batch_id", "state", "priority", "id"])
    op.execute(
        """
        INSERT INTO ledger_reviews (scan_id, recipe_digest, batch_id, collection, outcome, state, priority, marks,
                                    version, decided_by)
        SELECT o.scan_id, o.recipe_digest, o.batch_id, s.collection, o.outcome,
               CASE WHEN o.suggested_uri <> '' OR o.outcome = 'review' THEN 'open' ELSE 'unasked' END,
               CASE WHEN o.outcome = 'review' THEN 1000 WHEN o.suggested_uri <> '' THEN 0 ELSE 3000 END,
               CASE WHEN o.suggested_uri <> '' THEN 1 ELSE 0 END, 0, ''
        FROM ledger_outcomes o JOIN ledger_scans s ON s.id = o.scan_id
        WHERE (o.outcome IN ('restored', 'review') OR o.suggested_uri <> '')
          AND NOT EXISTS (
            SELECT 1 FROM ledger_outcomes n JOIN ledger_scans t ON t.id = n.scan_id
            WHERE t.collection = s.collection AND t.path = s.path
              AND n.outcome IN ('restored', 'unchanged', 'review')
              AND (n.recorded > o.recorded OR (n.recorded = o.recorded AND n.id > o.id)))
        """
    )
