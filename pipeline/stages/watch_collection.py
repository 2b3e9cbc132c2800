"""Watch a collection from outside its runs: its inbox can be read, its queue is there, and scans keep arriving."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from pipeline import logs, storage
from pipeline.errors import ConfigurationError, RestorationError, StoreUnavailable
from pipeline.escape import error_line
from pipeline.inbox.listing import open_inbox
from pipeline.ledger.rows import now
from pipeline.ledger.tables import Batch, Scan
from pipeline.settings import Collection
from pipeline.stages.alerts import notify
from pipeline.stages.batch import open_ledger
from pipeline.storage.queues import check_queue

if TYPE_CHECKING:
    from pipeline.digests import Channel

logger = logs.stage_logger("watch")


class CollectionInTrouble(RestorationError):
    """Nothing can arrive in a collection, or nothing has arrived for too long; the message says which."""


def watch_collection(collection: Collection, *, channel: Channel | None, run_id: str = "", dag_id: str = "") -> str:
    """Return a sentence on when the last scan arrived, after checking that more can.

    People are notified once a day while the inbox cannot be read, and once per silence.

    Raises:
        CollectionInTrouble: inbox or queue cannot be read, or no scan has arrived for `silent_days`.
        StoreUnavailable: the ledger did not answer.
    """
    problem = _unreachable(collection)
    if problem:
        day = f"{now().astimezone(ZoneInfo(collection.timezone)):%Y-%m-%d}"
        _report(collection, "unreachable", day, problem, channel, dag_id, run_id)
    last = _last_arrival(collection)
    if last is None:
        return "no scan has arrived yet"
    since = f"{last.astimezone(ZoneInfo(collection.timezone)):%Y-%m-%d %H:%M}"
    if collection.silent_days is not None and now() - last > timedelta(days=collection.silent_days):
        days = (now() - last).days
        why = f"no new scan has arrived since {since}, for {days} {'day' if days == 1 else 'days'}: {collection.inbox}"
        _report(collection, "silent", since, why, channel, dag_id, run_id)
    logger.info("collection=%s stage=watch decision=quiet last=%s", collection.name, since)
    return f"the last new scan arrived on {since}"


def _unreachable(collection: Collection) -> str:
    """Return why nothing can arrive in a collection; empty when something can."""
    try:
        inbox = open_inbox(collection)
        next(storage.list_files(inbox.root), None)
        if collection.watch and collection.watch.queue:
            check_queue(collection.watch.queue)
    except (ConfigurationError, StoreUnavailable, OSError) as error:
        return error_line(error, 500)
    return ""


def _last_arrival(collection: Collection) -> datetime | None:
    """Return when the newest scan was first seen; without any, when the collection was first run."""
    with open_ledger().read() as session:
        seen = session.scalar(select(func.max(Scan.first_seen)).where(Scan.collection == collection.name))
        return seen or session.scalar(select(func.min(Batch.started)).where(Batch.collection == collection.name))


def _report(
    collection: Collection, kind: str, key: str, why: str, channel: Channel | None, dag_id: str, run_id: str
) -> None:
    """Notify people once, and raise.

    Raises:
        CollectionInTrouble: always.
    """
    try:
        notify(collection, kind, key, why, channel=channel, dag_id=dag_id, run_id=run_id)
    except Exception as error:  # whatever a mail server raises; the trouble itself matters more
        logger.warning("collection=%s stage=watch the notice was not sent: %s", collection.name, error_line(error))
    raise CollectionInTrouble(why)
