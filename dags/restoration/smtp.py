"""Mail through the SMTP connection of Airflow."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airflow.providers.smtp.hooks.smtp import SmtpHook
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

if TYPE_CHECKING:
    from email.message import EmailMessage

CONNECTION = "smtp_default"
log = logging.getLogger(__name__)


class SmtpConnection:
    """A channel that sends through an SMTP connection of Airflow.

    Args:
        connection: its id.
    """

    def __init__(self, connection: str = CONNECTION) -> None:
        self.connection = connection

    def send(self, message: EmailMessage) -> None:
        """Hand one message to the mail server, whole: the hook's own helper knows no text part and no inline image.

        Raises:
            smtplib.SMTPException, OSError: the server refused it or did not answer.
            UnconfirmedDelivery: the connection broke while or after the message was handed over.
        """
        from pipeline.digests.smtp_send import smtp_send

        with SmtpHook(self.connection) as hook:
            refused = smtp_send(hook._smtp_client, message)  # the hook shows its client in no other way
        if refused:
            # The others have it: to fail here would send it to them again at every retry.
            log.warning("The mail server refused some recipients: %s", refused)


def channel() -> SmtpConnection | None:
    """Return the channel of the configured SMTP connection, or None where there is none."""
    try:
        BaseHook.get_connection(CONNECTION)
    except AirflowNotFoundException:
        log.info("No Airflow connection %r: the digest is written as digest.eml and not sent", CONNECTION)
        return None
    return SmtpConnection()
