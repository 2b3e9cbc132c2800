"""An index by which the upload of a scan is found among the events, by the content that was uploaded."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"

SHA256 = {"sqlite": "json_extract(figures, '$.sha256')", "postgresql": "(figures ->> 'sha256')"}


def upgrade() -> None:
    """Create the index of uploads alone; what it is of is written as `pipeline.ledger.history` asks for it."""
    sha256 = SHA256[op.get_bind().dialect.name]
    op.execute(f"CREATE INDEX ix_ledger_events_uploaded ON ledger_events ({sha256}) WHERE stage = 'upload'")
