"""Handing a message to a mail server, and knowing afterwards whether it can have arrived."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from typing import Any

from pipeline.errors import UnclearDelivery
from pipeline.escape import error_line


def hand_over(client: smtplib.SMTP, message: EmailMessage) -> dict[str, tuple[int, bytes]]:
    """Return the recipients that the server refuses alone, each with its answer.

    Raises:
        UnclearDelivery: the connection broke after the message began; it may arrive.
        smtplib.SMTPException, OSError: it was not sent.
    """
    began, commanded = False, False
    plainly, sending = client.data, client.send

    def data(content: Any) -> tuple[int, bytes]:
        client.send = send  # type: ignore[method-assign, assignment]
        return plainly(content)

    def send(text: Any) -> None:
        # First the command, to which the server may still say no; then the message.
        nonlocal began, commanded
        began, commanded = commanded, True
        sending(text)

    client.data = data  # type: ignore[method-assign, assignment]
    try:
        return client.send_message(message)
    except smtplib.SMTPResponseException:
        raise  # the server has said that it does not take it
    except OSError as error:
        if not began:
            raise
        text = error_line(error)
        raise UnclearDelivery(f"the mail server fell silent after it was handed the message ({text})") from error
    finally:
        client.data, client.send = plainly, sending  # type: ignore[method-assign]
