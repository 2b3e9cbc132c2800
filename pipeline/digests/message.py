"""Build the digest of a batch as an email: text, HTML with embedded pictures, and the report as PDF."""

from __future__ import annotations

import hashlib
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, getaddresses
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import jinja2

from pipeline.digests.content import DigestContent, digest_content
from pipeline.errors import ConfigurationError
from pipeline.escape import one_line
from pipeline.ledger.outcome import Outcome
from pipeline.reports import palette
from pipeline.reports.batch_summary import BatchSummary, Preview
from pipeline.reports.document import environment, outcome_bar
from pipeline.reports.language import in_zone

if TYPE_CHECKING:
    import pandas as pd

TEMPLATES = Path(__file__).parent / "templates"
MEGABYTE = 1_000_000
# The text of a mail at most, twice, with its headers.
TEXT_BYTES = 150_000


def build_digest(
    frame: pd.DataFrame,
    batch: BatchSummary,
    previews: Callable[[Any], Preview | None],
    pdf: Path | None = None,
    *,
    sender: str = "archive-restoration@localhost",
    recipients: Sequence[str] = (),
    run_url: str = "",
    review_url: str = "",
    attach_megabytes: float = 10.0,
) -> EmailMessage:
    """Return the digest of a batch, ready for a channel; the same batch gives the same message and Message-ID.

    Its MIME parts: mixed( alternative( text, related( HTML, pictures ) ), PDF ).

    Args:
        frame, batch, previews: as for `pipeline.reports.write_report`.
        pdf: the report; attached when the whole mail is then no larger than `attach_megabytes`, as mail servers count
            it; else its location is named.
        sender: address, or `Name <address>`.
        recipients: addresses; empty for a message that is only written to a file.
        run_url, review_url: http(s) links to the run and to its results in the review; shown if not empty.

    Raises:
        ConfigurationError: sender, recipient or link is malformed.
    """
    for url in filter(None, (run_url, review_url)):
        if urlsplit(url).scheme not in ("http", "https"):
            raise ConfigurationError(f"link in the digest: {url!r} is not an http or https address")
    content = digest_content(frame, batch, previews)
    author = parse_address(sender, "sender", content.t("mail.sender"))
    attached = pdf is not None and _mail_bytes(content, pdf) <= attach_megabytes * MEGABYTE
    key = hashlib.sha256(f"{batch.collection}\n{batch.batch}".encode(errors="surrogateescape")).hexdigest()[:32]

    message = EmailMessage(policy=SMTP)
    message["Subject"] = content.subject
    message["From"] = author
    if recipients:
        message["To"] = [parse_address(recipient, "recipient") for recipient in recipients]
    message["Date"] = format_datetime(in_zone(batch.finished, batch.timezone))
    message["Message-ID"] = f"<{key}@{author.domain}>"
    message["List-Id"] = f"<{slug(batch.collection)}.restoration.{author.domain}>"
    # So that no automatic reply is sent (RFC 3834, and Exchange's own header).
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"

    cids = {
        (pair.number, side): f"{side}-{pair.number}.{key}@{author.domain}"
        for pair in content.pairs
        for side in ("before", "second")
    }
    place = _report_location(content, pdf, attached)
    values = {"c": content, "t": content.t, "run_url": run_url, "review_url": review_url, "place": place, "cids": cids}
    message.set_content(_text_environment().get_template("digest.txt").render(values), cte="quoted-printable")
    html = environment(TEMPLATES).get_template("digest.html")
    message.add_alternative(
        html.render(
            values | {"bar": outcome_bar(content.statistics, 100, 0), "outcomes": list(Outcome), "palette": palette}
        ),
        subtype="html",
        cte="quoted-printable",
    )
    body = message.get_body(("html",))
    for pair in content.pairs:
        for side, data in (("before", pair.before), ("second", pair.second)):
            if data and isinstance(body, EmailMessage):
                cid = f"<{cids[pair.number, side]}>"
                name = f"{'before' if side == 'before' else 'after' if pair.filled else 'damage'}-{pair.number}.jpg"
                body.add_related(data, "image", "jpeg", cid=cid, filename=name, disposition="inline")
    if pdf is not None and attached:
        day = in_zone(batch.finished, batch.timezone).strftime("%Y-%m-%d")
        name = f"{slug(batch.collection)}-{day}.pdf"
        message.add_attachment(pdf.read_bytes(), "application", "pdf", filename=name)
    message["Content-Language"] = content.t.code
    for number, part in enumerate(_multiparts(message)):
        # Not random, so that the same batch gives the same bytes.
        part.set_boundary(f"=_{key}_{number}")
    return message


def _mail_bytes(content: DigestContent, pdf: Path) -> int:
    """Return the size of the mail with its report, as it is transferred: attachments grow by more than a third."""
    pictures = [data for pair in content.pairs for data in (pair.before, pair.second)]
    attachments = [pdf.stat().st_size, *map(len, pictures)]
    # Base64 in lines of 76 characters (RFC 2045): 57 bytes become 78.
    return TEXT_BYTES + sum(78 * -(-size // 57) for size in attachments)


def _report_location(content: DigestContent, pdf: Path | None, attached: bool) -> str:
    """Return the sentence that says where the report is."""
    t = content.t
    if pdf is None:
        return t("mail.path", place=one_line(content.batch.output, 200)) if content.batch.output else ""
    size = t.bytes(pdf.stat().st_size)
    if attached:
        return t("mail.attached", size=size)
    place = f"{content.batch.output.rstrip('/')}/reports/{content.batch.batch}/{pdf.name}"
    return f"{t('mail.linked', size=size)} {t('mail.path', place=one_line(place, 300))}"


def parse_address(text: str, role: str, name: str = "") -> Address:
    """Return an address; one with a line break or other header injection is refused.

    Raises:
        ConfigurationError: it is not exactly one address.
    """
    found = getaddresses([text])
    shown, spec = found[0] if len(found) == 1 else ("", "")
    if any(ord(character) < 32 for character in text) or not re.fullmatch(r"[^@\s<>,;]+@[^@\s<>,;]+", spec):
        raise ConfigurationError(f"{role} of the digest: {text!r} is not an email address")
    try:
        return Address(shown or name, addr_spec=spec)
    except (ValueError, IndexError) as error:
        raise ConfigurationError(f"{role} of the digest: {text!r} is not an email address ({error})") from error


def slug(name: str) -> str:
    """Return a name in a form that can be part of a host or file name."""
    return re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-")[:60] or "collection"


def _multiparts(message: EmailMessage) -> Iterator[EmailMessage]:
    return (part for part in message.walk() if part.is_multipart() and isinstance(part, EmailMessage))


def _text_environment() -> jinja2.Environment:
    """Return a Jinja2 environment for plain text: no HTML escaping; names are shown through `visible`."""
    engine = environment(TEMPLATES).overlay(autoescape=False)
    # Paths and links must not be broken, so that they can be copied.
    engine.filters["wrapped"] = partial(textwrap.fill, break_long_words=False, break_on_hyphens=False)
    return engine
