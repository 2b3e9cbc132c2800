"""Notify people once that a batch waits, has stopped, or is late; by the mail server of the digests."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from pipeline import logs
from pipeline.errors import StoreUnavailable
from pipeline.escape import quoted
from pipeline.ledger import batches, claims, notices
from pipeline.ledger.rows import now
from pipeline.settings import Collection, settings
from pipeline.stages.batch import open_ledger

if TYPE_CHECKING:
    from pipeline.digests import Channel

logger = logs.stage_logger("notice")


def notify(
    collection: Collection,
    kind: str,
    batch: str,
    why: str,
    *,
    channel: Channel | None,
    moment: datetime | None = None,
    dag_id: str = "",
    run_id: str = "",
    even_without_ledger: bool = False,
) -> bool:
    """Return whether a notice was sent now; it is sent once for each kind and batch, whatever process is killed.

    Args:
        kind: `waiting`, `stopped`, `late`, `unreachable`, `silent`, `fixity` or `ledger`.
        batch: its name; for the last four kinds, what tells this notice from others of its kind.
        why: one sentence.
        channel: sends the message; None without a mail server.
        moment: when it stopped, or the deadline that it missed; now by default.
        even_without_ledger: send it even when the ledger does not answer, at the risk of sending it twice.

    Raises:
        StoreUnavailable, or any error of the channel: not sent; a retry may succeed.
    """
    from pipeline.digests import build_notice

    subject = f"{kind} {batch}"
    logger.warning("batch=%s stage=notice decision=%s why=%s", batch, kind, quoted(why))
    try:
        with open_ledger().write() as session:
            if not notices.begin(session, collection.name, subject, why):
                return False
    except StoreUnavailable:
        if not even_without_ledger:
            raise
    if channel is None or not collection.recipients:
        _end(collection, subject, notices.UNSENT)
        return False
    message = build_notice(
        collection,
        kind,
        batch,
        moment or now(),
        why,
        sender=settings().smtp_sender,
        run_url=airflow_run_url(dag_id, run_id),
    )
    try:
        channel.send(message)
    except Exception:
        _end(collection, subject, notices.REFUSED)
        raise
    _end(collection, subject, notices.SENT)
    return True


def record_unsent(collection: Collection, kind: str, batch: str, why: str) -> None:
    """Record why a batch waits or has stopped, for its digest and report; send nothing."""
    with open_ledger().write() as session:
        if notices.begin(session, collection.name, f"{kind} {batch}", why):
            notices.end(session, collection.name, f"{kind} {batch}", notices.UNSENT)


def renew_claims(collection: Collection, batch: str) -> None:
    """Renew the claims of a batch that waits, so that no other run takes its scans."""
    with open_ledger().write() as session:
        try:
            claims.renew(session, batches.get(session, collection.name, batch).id)
        except LookupError:
            return


def stop_reason(collection: Collection, batch: str) -> str:
    """Return why a batch has stopped or waits; empty when it never did."""
    with open_ledger().read() as session:
        messages = (notices.message(session, collection.name, f"{kind} {batch}") for kind in ("stopped", "waiting"))
        return next(filter(None, messages), "")


def airflow_run_url(dag_id: str, run_id: str) -> str:
    """Return the address of a run in Airflow; empty without a public address, or without a run."""
    base = settings().public_url.rstrip("/")
    return f"{base}/dags/{quote(dag_id)}/runs/{quote(run_id)}" if base and run_id else ""


def review_url(batch_id: int) -> str:
    """Return the address of a batch in the review; empty without a public address."""
    base = settings().public_url.rstrip("/")
    return f"{base}/restoration/?batch={batch_id}" if base else ""


def _end(collection: Collection, subject: str, state: str) -> None:
    try:
        with open_ledger().write() as session:
            notices.end(session, collection.name, subject, state)
    except StoreUnavailable as error:
        logger.warning("collection=%s stage=notice the notice could not be recorded: %s", collection.name, error)


def describe_progress(collection: Collection, batch: str) -> str | None:
    """Return a sentence on the progress of a batch; None when it is done.

    Raises:
        StoreUnavailable: the ledger did not answer.
    """
    with open_ledger().read() as session:
        try:
            row = batches.get(session, collection.name, batch)
        except LookupError:
            return "The batch has not started: receive has not run yet, or has failed."
        if row.state == batches.BatchState.DONE:
            return None
        done = batches.count_outcomes(session, row.id)
    stopped = stop_reason(collection, batch)
    if row.state == batches.BatchState.RECEIVING:
        return f"The batch is still being received. {stopped}".strip()
    return f"{done} of {row.received} scans are done. {stopped}".strip()
