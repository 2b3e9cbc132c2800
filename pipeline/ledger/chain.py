"""Chain the events of a collection: each carries the sha256 of the one before, so that none can be changed unnoticed.

The sha256 of an event is that of one JSON object in ASCII: keys sorted, no white space, characters beyond ASCII as
`\\uXXXX`, floats in the shortest form that reads back the same. It has these keys:

- `position` (1, 2, …) and `previous`, the sha256 of the event before; 64 zeros for the first
- `at` (UTC, `2026-11-30T20:15:00.000000Z`), `stage`, `kind`, `decision`, `message`, `figures`, `seconds`, `host`
- `dag_id`, `run_id`, `task_id`, `map_index`, `try_number`
- `batch`: its name, or null; `scan`: null, or an object with `path` and `sha256`

Names of collections are not part of it, because a collection can be renamed; ids are not, because they mean nothing
outside the database. Events of no collection have a chain of their own, whose name is empty.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert as plain_insert
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from pipeline.ledger.rows import insert, pages
from pipeline.ledger.tables import Batch, Chain, Event, Scan

GENESIS = "0" * 64
"""What the first event of a chain carries."""

_PLAIN = ("stage", "kind", "decision", "message", "dag_id", "run_id", "task_id", "map_index", "try_number", "host")


@dataclass(frozen=True)
class Head:
    """The last event of a chain: with it a report, or a mail, bears witness to all events up to it.

    Attributes:
        position: of the event; 0 for an empty chain.
        sha256: of the event.
    """

    collection: str
    position: int
    sha256: str

    def __str__(self) -> str:
        return f"{self.position}:{self.sha256}"


def digest(event: Mapping[str, Any], batch: str | None, scan: tuple[str, str] | None) -> str:
    """Return the sha256 of an event.

    Args:
        event: its columns, `position` and `previous` among them.
        batch: name of its batch.
        scan: path and sha256 of its scan.
    """
    document = {name: event[name] for name in _PLAIN} | {
        "position": event["position"],
        "previous": event["previous"],
        "at": moment(event["at"]),
        "seconds": float(event["seconds"]),
        "figures": event["figures"],
        "batch": batch,
        "scan": None if scan is None else {"path": scan[0], "sha256": scan[1]},
    }
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def moment(at: datetime) -> str:
    """Return a moment as it is chained."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def head(session: Session, collection: str) -> Head:
    """Return the last event of a collection's chain."""
    found = session.execute(select(Chain.length, Chain.head).where(Chain.collection == collection)).first()
    return Head(collection, *found) if found else Head(collection, 0, GENESIS)


def collections_of(session: Session, scan_ids: Sequence[int]) -> dict[int, str]:
    """Return the collections of scans, by id."""
    found: dict[int, str] = {}
    for page in pages(scan_ids):
        found |= dict(session.execute(select(Scan.id, Scan.collection).where(Scan.id.in_(page))).tuples().all())
    return found


def append(session: Session, batch_id: int | None, collection: str, rows: Sequence[dict[str, Any]]) -> None:
    """Write events at the end of a chain; nobody else writes to that chain until the transaction has ended.

    Args:
        batch_id: their batch; its collection's chain is taken.
        collection: whose chain is taken where there is no batch; empty for the ledger as a whole.
        rows: columns of the events, in order.
    """
    name, chain = _lock(session, batch_id, collection, next((row["scan_id"] for row in rows if row["scan_id"]), None))
    position, previous = chain.length, chain.head
    for page in pages(rows):
        ids = {row["scan_id"] for row in page if row["scan_id"] is not None}
        known = select(Scan.id, Scan.path, Scan.sha256).where(Scan.id.in_(ids))
        scans = {scan_id: (path, sha256) for scan_id, path, sha256 in session.execute(known)} if ids else {}
        chained = []
        for row in page:
            position += 1
            # As the database gives figures back: keys are texts, tuples are lists.
            figures = json.loads(json.dumps(row["figures"]))
            one = {**row, "figures": figures, "chain_id": chain.id, "position": position, "previous": previous}
            previous = digest(one, name, scans.get(row["scan_id"]))
            chained.append(one)
        session.execute(plain_insert(Event), chained)
    session.execute(update(Chain).where(Chain.id == chain.id).values(length=position, head=previous))


def _lock(session: Session, batch_id: int | None, collection: str, scan_id: int | None) -> tuple[str | None, Chain]:
    """Return the name of a batch and its locked chain, a new one for the first event of a collection.

    Args:
        scan_id: a scan of the collection, where there is no batch; None without one.
    """
    while True:
        name = None
        if batch_id is not None:
            collection, name = session.execute(select(Batch.collection, Batch.name).where(Batch.id == batch_id)).one()
        chain = _locked(session, collection)
        if chain is not None:
            return name, chain
        # The collection may have been renamed while this waited for its chain.
        again = collection
        if batch_id is not None:
            again = session.execute(select(Batch.collection).where(Batch.id == batch_id)).scalar_one()
        elif scan_id is not None:
            again = collections_of(session, [scan_id])[scan_id]
        if again != collection:
            collection = again
            continue
        new = insert(session, Chain).values(collection=collection, length=0, head=GENESIS)
        session.execute(new.on_conflict_do_nothing())


def _locked(session: Session, collection: str) -> Chain | None:
    query = select(Chain).where(Chain.collection == collection).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).first()
