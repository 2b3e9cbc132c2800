"""Deliver messages through a mail server."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import EmailMessage

from pipeline import logs
from pipeline.digests.mail_server import MailServer
from pipeline.digests.smtp_connect import smtp_connect
from pipeline.digests.smtp_send import smtp_send

logger = logs.stage_logger("mail")


@dataclass(frozen=True)
class SmtpChannel:
    """A channel that opens a connection for each message."""

    server: MailServer

    def send(self, message: EmailMessage) -> None:
        """Send one message.

        Raises:
            MailRefused: not sent, and a retry cannot help.
            MailUnavailable: not sent; a retry may succeed.
            UnconfirmedDelivery: the connection broke while or after the message was sent.
        """
        with smtp_connect(self.server) as client:
            refused = smtp_send(client, message)
        if refused:
            # The others have it: an error here would send it to them again with every retry.
            logger.warning("The mail server refused some recipients: %s", refused)
