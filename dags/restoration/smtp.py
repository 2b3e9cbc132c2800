"""Mail through Airflow's SMTP connection."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, cast

from airflow.providers.smtp.hooks.smtp import SmtpHook
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

if TYPE_CHECKING:
    import smtplib
    from email.message import EmailMessage

CONNECTION = "smtp_default"
log = logging.getLogger(__name__)


class SmtpChannel:
    """A channel that sends through an SMTP connection of Airflow.

    Args:
        connection: its id.
    """

    def __init__(self, connection: str = CONNECTION) -> None:
        self.connection = connection

    def send(self, message: EmailMessage) -> None:
        """Send one message as it is: the hook's own helper supports no text part and no inline image.

        Raises:
            smtplib.SMTPException, OSError: the server refused it or did not answer.
            UnconfirmedDelivery: the connection broke while or after the message was sent.
        """
        from pipeline.digests.smtp_send import smtp_send

        with SmtpHook(self.connection) as hook:
            # The hook offers its client in no other way; inside `with` it is a synchronous one.
            refused = smtp_send(cast("smtplib.SMTP", hook._smtp_client), message)
        if refused:
            # The others have it: an error here would send it to them again with every retry.
            log.warning("The mail server refused some recipients: %s", refused)


def smtp_channel() -> SmtpChannel | None:
    """Return the channel of the configured SMTP connection, or None where there is none."""
    try:
        BaseHook.get_connection(CONNECTION)
    except AirflowNotFoundException:
        log.info("No Airflow connection %r: the digest is written as digest.eml and not sent", CONNECTION)
        return None
    return SmtpChannel()
