"""Build a notice: a short message that a batch waits, has stopped or is late, or that nothing arrives."""

from __future__ import annotations

import hashlib
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path

from pipeline.digests.message import parse_address, slug
from pipeline.escape import one_line
from pipeline.reports.language import FOLDER, NBSP, Language, in_zone
from pipeline.reports.recorded_sentences import translate
from pipeline.settings import Collection

# Kinds of notices that are about no batch.
ABOUT_COLLECTION = ("unreachable", "silent", "fixity", "ledger")


def build_notice(
    collection: Collection, kind: str, batch: str, moment: datetime, why: str, *, sender: str, run_url: str = ""
) -> EmailMessage:
    """Return a notice as plain text, ready for a channel; the same notice has the same Message-ID.

    Args:
        kind: `waiting` (it continues by itself), `stopped` (the next run continues) or `late`; of the collection as a
            whole `unreachable` (its inbox cannot be read), `silent` (no new scans), `fixity` (files that are missing
            or changed) or `ledger` (its chain of events is not whole).
        batch: name of the batch, or what else tells this notice from others of its kind.
        moment: since when, or by when it should have been finished.
        why: one sentence with the cause, for whoever fixes it.

    Raises:
        ConfigurationError: sender or recipient is malformed.
    """
    t = Language(collection.language, (FOLDER, Path(__file__).parent / "languages"))
    author = parse_address(sender, "sender", t("mail.sender"))
    values = {"title": one_line(collection.label, 80), "time": t.time(moment, collection.timezone)}
    values = {name: value.replace(NBSP, " ") for name, value in values.items()}
    key = hashlib.sha256(f"{kind}\n{collection.name}\n{batch}".encode(errors="surrogateescape")).hexdigest()[:32]
    message = EmailMessage(policy=SMTP)
    message["Subject"] = t(f"mail.notice.{kind}.subject", **values)
    message["From"] = author
    message["To"] = [parse_address(recipient, "recipient") for recipient in collection.recipients]
    message["Date"] = format_datetime(in_zone(moment, collection.timezone))
    message["Message-ID"] = f"<{key}@{author.domain}>"
    message["List-Id"] = f"<{slug(collection.name)}.restoration.{author.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    lines = [
        one_line(translate(why, collection.language), 1000),
        "",
        t(f"mail.notice.{kind}.then", **values),
        # Not where files, or the record of them, are missing or changed.
        *([] if kind in ("fixity", "ledger") else [t("mail.notice.kept")]),
        "",
    ]
    lines += [f"{t('mail.open_run')}: {run_url}", ""] if run_url else []
    when = t.moment(moment, collection.timezone)
    if kind in ABOUT_COLLECTION:
        lines += [t("mail.notice.about_collection", name=collection.name, moment=when)]
    else:
        lines += [t("mail.notice.footer", batch=batch, moment=when)]
    message.set_content("\n".join(lines) + "\n", cte="quoted-printable")
    message["Content-Language"] = t.code
    return message
