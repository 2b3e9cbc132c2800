"""The ledger: the SQL record of scans, batches, outcomes, events and decisions.

`migrate.upgrade(url)` returns an open `database.Ledger`; its `read()` and `write()` yield sessions, which are the first
argument of the functions in `scans`, `claims`, `batches`, `outcomes`, `publications`, `events`, `decisions`, `history`.
This package itself imports no SQLAlchemy, so that reports can use `Outcome`.
"""

from pipeline.ledger.context import TaskContext
from pipeline.ledger.outcome import Outcome

__all__ = ["Outcome", "TaskContext"]
