"""Run migrations on the connection that `upgrade` opened; offline mode is not supported."""

from __future__ import annotations

from alembic import context

from pipeline.ledger.migrate import VERSION_TABLE
from pipeline.ledger.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    # The caller's transaction holds the lock that excludes other processes: no commit in between.
    transactional_ddl=True,
    transaction_per_migration=False,
)
context.run_migrations()
