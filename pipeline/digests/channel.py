"""What sends a digest or a notice."""

from __future__ import annotations

from email.message import EmailMessage
from typing import Protocol


class Channel(Protocol):
    """Anything that delivers a message to its recipients."""

    def send(self, message: EmailMessage) -> None:
        """Send one message.

        Raises:
            MailRefused: it was not sent, and a retry cannot help.
            MailUnavailable: it was not sent; sending it again cannot deliver it twice.
            UnconfirmedDelivery: it may have arrived; sending it again could deliver it twice.
        """
