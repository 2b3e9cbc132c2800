"""Write the digest of a batch beside its report, and send it at most once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any

from pipeline import logs, storage
from pipeline.errors import UnconfirmedDelivery
from pipeline.escape import error_line, quoted
from pipeline.ledger import TaskContext, batches, events
from pipeline.ledger.tables import Event
from pipeline.provenance.events import EventType
from pipeline.settings import settings
from pipeline.stages import batch_frame, previews
from pipeline.stages.alerts import airflow_run_url, review_url
from pipeline.stages.batch import BatchContext, InputVanished, find_row, load_batch, open_ledger
from pipeline.stages.tempdir import temporary_folder

if TYPE_CHECKING:
    from email.message import EmailMessage

    from pipeline.digests import Channel

logger = logs.stage_logger("digest")


def digest(
    work_area: str,
    context: TaskContext | None = None,
    *,
    channel: Channel | None = None,
    recipients: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Return what was done with the digest: `sent` (true or false), `eml` (URI), `recipients`, `why` (when not sent).

    A batch always has the same message, with the same Message-ID. The ledger records that it is about to be sent before
    it is: when this task or the mail server is interrupted while sending, nobody can know whether the message arrived,
    and it is not sent again. Of a batch that is done, the message that was kept is sent.

    Args:
        work_area: URI of the work area.
        channel: sends the message; None to write `digest.eml` only.
        recipients: those of now, which may have been corrected; by default those of when the batch began.

    Raises:
        InputVanished: the batch was given up, or its message was removed.
        StoreUnavailable, or any error of the channel: not sent; a retry may succeed.
    """
    context = context or TaskContext()
    started = time.perf_counter()
    try:
        batch = load_batch(work_area)
    except InputVanished:
        done = find_row(work_area)
        if done is None or done.state != batches.BatchState.DONE:
            raise
        batch_id, name, eml = done.id, done.name, storage.join(done.output, "reports", done.name, "digest.eml")
        message = _kept_message(eml, recipients)
        people = [address.addr_spec for address in message["To"].addresses] if message["To"] else []
    else:
        people = list(batch.collection.recipients if recipients is None else recipients)
        batch_id, name = batch.batch_id, batch.name
        message, eml = _message(batch, people)
        storage.write_bytes(eml, bytes(message))
    found: dict[str, Any] = {"sent": False, "eml": eml, "recipients": people}
    why, sent = _record_sending(batch_id, people, channel, context)
    if why or channel is None:
        logger.info("batch=%s stage=digest decision=not-sent why=%s file=%s", name, quoted(why), eml)
        _record(batch_id, context, "written", time.perf_counter() - started, why)
        return found | {"sent": sent, "why": why}
    try:
        channel.send(message)
    except UnconfirmedDelivery as error:
        _record(batch_id, context, "unclear", time.perf_counter() - started, error_line(error, 300))
        logger.warning("batch=%s stage=digest decision=unclear file=%s: %s", name, eml, error)
        return found | {"why": f"{error_line(error, 300)}; it may have arrived, so it is not sent twice"}
    except Exception as error:
        _record(batch_id, context, "refused", time.perf_counter() - started, error_line(error, 300))
        raise
    _record(batch_id, context, "sent", time.perf_counter() - started)
    logger.info("batch=%s stage=digest decision=sent recipients=%d", name, len(people))
    return found | {"sent": True, "why": ""}


def _record_sending(
    batch_id: int, recipients: Sequence[str], channel: Channel | None, context: TaskContext
) -> tuple[str, bool]:
    """Return why the digest is not sent now (empty when it is), and whether it was sent before.

    One transaction reads what earlier attempts recorded and records that this one is about to send: of two concurrent
    attempts, only one sends.
    """
    with open_ledger().write() as session:
        batches.lock(session, batch_id)
        past = events.of_batch(session, batch_id, "digest")
        why = _reason_not_to_send(recipients, channel, past)
        if not why:
            record = events.EventRecord(None, "digest", str(EventType.DISSEMINATION), "sending")
            events.append(session, batch_id, context, [record])
    return why, any(event.decision == "sent" for event in past)


def _reason_not_to_send(recipients: Sequence[str], channel: Channel | None, past: Sequence[Event]) -> str:
    """Return why the digest is not sent now; empty when it is."""
    states = [event.decision for event in past if event.decision in ("sending", "sent", "refused", "unclear")]
    if states and states[-1] == "sent":
        return "it was sent by an earlier attempt"
    if states and states[-1] == "sending":
        return "an earlier attempt was interrupted while sending; it may have arrived, so it is not sent twice"
    if states and states[-1] == "unclear":
        return "the mail server did not confirm an earlier attempt; it may have arrived, so it is not sent twice"
    if not recipients:
        return "the collection names no recipients"
    return "no mail server is configured" if channel is None else ""


def _kept_message(eml: str, recipients: Sequence[str] | None) -> EmailMessage:
    """Return the message of a batch that is done, as it was kept.

    Args:
        recipients: to whom it is to go; None for those that it names.

    Raises:
        InputVanished: it was removed.
    """
    try:
        message = message_from_bytes(storage.read_bytes(eml), policy=policy.default)
    except FileNotFoundError as error:
        raise InputVanished(f"{eml}: the batch is done, and its digest was removed") from error
    if recipients is not None:
        del message["To"]
        if recipients:
            message["To"] = ", ".join(recipients)
    return message


def _message(batch: BatchContext, recipients: list[str]) -> tuple[EmailMessage, str]:
    """Return the message and the URI at which it is kept."""
    from pipeline.digests import build_digest

    ledger = open_ledger()
    with ledger.read() as session:
        chunks = batch.chunk_uris(batches.get(session, batch.collection.name, batch.name))
        reported = events.of_batch(session, batch.batch_id, "report")
    target = batch.output_uri("reports", batch.name)
    installation = settings()
    with temporary_folder() as folder:
        pdf = folder / "report.pdf"
        try:
            pdf.write_bytes(storage.read_bytes(storage.join(target, "report.pdf")))
        except FileNotFoundError:
            pdf = None  # type: ignore[assignment]
        message = build_digest(
            batch_frame.load_frame(batch, chunks),
            batch_frame.summarise_batch(
                batch,
                reported[-1].at if reported else None,
                str(reported[-1].figures.get("ledger_head", "")) if reported else "",
            ),
            previews.preview_reader(batch),
            pdf,
            sender=installation.smtp_sender,
            recipients=recipients,
            run_url=airflow_run_url(batch.dag_id, batch.run_id),
            review_url=review_url(batch.batch_id) if batch.run_id else "",
            attach_megabytes=installation.attach_megabytes,
        )
    return message, storage.join(target, "digest.eml")


def _record(batch_id: int, context: TaskContext, decision: str, seconds: float = 0.0, message: str = "") -> None:
    """Write an event of the digest to the ledger."""
    record = events.EventRecord(None, "digest", str(EventType.DISSEMINATION), decision, message, seconds=seconds)
    with open_ledger().write() as session:
        events.append(session, batch_id, context, [record])
