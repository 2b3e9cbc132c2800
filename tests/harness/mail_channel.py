"""A channel to a test's mail server: it sends as in production, on a connection without Airflow."""

from __future__ import annotations

import smtplib
from dataclasses import dataclass
from email.message import EmailMessage

from pipeline.digests.smtp_send import smtp_send


@dataclass(frozen=True)
class MailChannel:
    """Sends to a server on loopback.

    Attributes:
        timeout: seconds that each step may take.
    """

    port: int
    timeout: float = 5.0

    def send(self, message: EmailMessage) -> None:
        with smtplib.SMTP("127.0.0.1", self.port, timeout=self.timeout) as client:
            smtp_send(client, message)
