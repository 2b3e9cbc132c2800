"""Build a mail that tests the mail server."""

from __future__ import annotations

from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import localtime, make_msgid
from pathlib import Path

from pipeline.digests.mail_server import MailServer
from pipeline.digests.message import parse_address
from pipeline.errors import ConfigurationError
from pipeline.reports.language import FOLDER, Language


def build_test_mail(
    recipients: Sequence[str], server: MailServer, *, sender: str, language: str = "en"
) -> EmailMessage:
    """Return a short mail that says which server it came through.

    Raises:
        ConfigurationError: sender or recipient is malformed, or there is no recipient.
    """
    if not recipients:
        raise ConfigurationError("there are no recipients; name an address, or recipients: in the collection")
    t = Language(language, (FOLDER, Path(__file__).parent / "languages"))
    author = parse_address(sender, "sender", t("mail.sender"))
    message = EmailMessage(policy=SMTP)
    message["Subject"] = t("mail.test.subject")
    message["From"] = author
    message["To"] = [parse_address(recipient, "recipient") for recipient in recipients]
    message["Date"] = localtime()
    message["Message-ID"] = make_msgid(domain=author.domain)
    message["Auto-Submitted"] = "auto-generated"
    body = t("mail.test.body", server=server, sender=author.addr_spec)
    message.set_content(f"{body}\n\n{t('mail.test.footer')}\n", cte="quoted-printable")
    message["Content-Language"] = t.code
    return message
