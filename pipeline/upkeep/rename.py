"""Give a collection another name in the ledger, with its whole history."""

from __future__ import annotations

from sqlalchemy import func, select, update

from pipeline.errors import ConfigurationError
from pipeline.ledger import TaskContext, events
from pipeline.ledger.database import Ledger
from pipeline.ledger.tables import Base, Batch, Chain, Scan
from pipeline.settings.collections import NAME
from pipeline.upkeep.outputs import outputs


def rename(ledger: Ledger, old: str, new: str) -> int:
    """Return how many scans now belong to the new name.

    Raises:
        ConfigurationError: the ledger does not know the old name, knows the new one already, the new one is no name of
            a collection, or a batch is under way.
    """
    if not NAME.fullmatch(new):
        raise ConfigurationError(f"{new!r} is no name of a collection: lower-case letters, digits, - and _, at most 63")
    for output in outputs(ledger, old):
        if output.unfinished:
            raise ConfigurationError(f"batch {output.unfinished[0]} of {old!r} is under way; let it finish first")
    with ledger.write() as session:
        for known in (Scan, Batch, Chain):
            if session.scalar(select(func.count()).select_from(known).where(known.collection == new)):
                raise ConfigurationError(
                    f"the ledger has scans, batches or events of {new!r} already; choose another name"
                )
        for table in Base.metadata.sorted_tables:
            if "collection" in table.c:
                session.execute(update(table).where(table.c.collection == old).values(collection=new))
        record = events.EventRecord(None, "rename", decision="renamed", figures={"from": old, "to": new})
        events.append(session, None, TaskContext(), [record], collection=new)
        return session.scalar(select(func.count()).select_from(Scan).where(Scan.collection == new)) or 0
