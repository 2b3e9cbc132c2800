"""Kinds and reasons of open marks in the queue, and the time of each result, to search by."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

PAGE = 1000


def upgrade() -> None:
    """Add the columns, fill them from the outcomes there are, and index the queue without a collection."""
    for name in ("kinds", "reasons"):
        op.add_column("ledger_reviews", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.add_column("ledger_reviews", sa.Column("recorded", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_ledger_reviews_state", "ledger_reviews", ["state", "priority", "id"])
    op.create_index("ix_ledger_reviews_order", "ledger_reviews", ["priority", "id"])
    op.execute(
        "UPDATE ledger_reviews SET recorded = (SELECT o.recorded FROM ledger_outcomes o"
        " WHERE o.scan_id = ledger_reviews.scan_id AND o.recipe_digest = ledger_reviews.recipe_digest)"
    )
    connection, last = op.get_bind(), 0
    page = sa.text(
        "SELECT r.id, o.figures FROM ledger_reviews r JOIN ledger_outcomes o"
        " ON o.scan_id = r.scan_id AND o.recipe_digest = r.recipe_digest WHERE r.id > :last ORDER BY r.id LIMIT :page"
    )
    change = sa.text("UPDATE ledger_reviews SET kinds = :kinds, reasons = :reasons WHERE id = :id")
    while rows := connection.execute(page, {"last": last, "page": PAGE}).all():
        found = [(row.id, json.loads(row.figures) if isinstance(row.figures, str) else row.figures) for row in rows]
        connection.execute(
            change,
            [
                {
                    "id": key,
                    "kinds": _listed(figures, "suggested_kinds"),
                    "reasons": _listed(figures, "suggested_reasons"),
                }
                for key, figures in found
            ],
        )
        last = rows[-1].id


def _listed(figures: dict[str, Any], name: str) -> str:
    words = ",".join(sorted(json.loads(figures.get(name) or "{}")))
    return f",{words}," if words else ""
