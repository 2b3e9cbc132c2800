"""The room that results take, as it was measured last."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from pipeline.ledger.rows import insert, now
from pipeline.ledger.tables import StorageUse


def record(session: Session, collection: str, output: str, files: int, size: int) -> None:
    """Write the files and bytes of an output, measured now."""
    key = {"collection": collection, "output": output}
    values = {"files": files, "bytes": size, "at": now()}
    statement = insert(session, StorageUse).values(**key, **values)
    session.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))


def known(session: Session) -> Sequence[StorageUse]:
    """Return what was measured last of each output, by collection."""
    return session.scalars(select(StorageUse).order_by(StorageUse.collection, StorageUse.output)).all()
