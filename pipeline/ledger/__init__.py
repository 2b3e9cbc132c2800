"""The ledger: the SQL record of scans, batches, outcomes, events and decisions.

`upgrade(url)` returns an open `Ledger`; `ledger.read()` and `ledger.write()` give sessions, which the functions of the
modules here take: `scans`, `claims`, `batches`, `outcomes`, `publications`, `events`, `decisions`, `history`.
"""

from pipeline.ledger.context import TaskContext
from pipeline.ledger.database import Ledger
from pipeline.ledger.migrate import upgrade
from pipeline.ledger.outcomes import Result

__all__ = ["Ledger", "Result", "TaskContext", "upgrade"]
