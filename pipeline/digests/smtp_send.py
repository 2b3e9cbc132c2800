"""Send a message through an open SMTP connection, and know afterwards whether it can have arrived."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from typing import Any

from pipeline.errors import UnconfirmedDelivery
from pipeline.escape import error_line


def smtp_send(client: smtplib.SMTP, message: EmailMessage) -> dict[str, tuple[int, bytes]]:
    """Send a message and return the recipients that the server refused while it accepted others, with its answers.

    `smtplib` does not say how far it came when a connection breaks, so its `data` and `send` are wrapped for this one
    call.

    Raises:
        UnconfirmedDelivery: the connection broke after the message's first byte was sent; it may arrive.
        smtplib.SMTPException, OSError: it was not sent.
    """
    in_data, began = False, False
    original_data, original_send = client.data, client.send

    def data(content: Any) -> tuple[int, bytes]:
        client.send = send  # type: ignore[method-assign, assignment]
        return original_data(content)

    def send(text: Any) -> None:
        # The first is the command DATA, which the server may still refuse; the second is the message.
        nonlocal in_data, began
        began, in_data = in_data, True
        original_send(text)

    client.data = data  # type: ignore[method-assign, assignment]
    try:
        return client.send_message(message)
    except smtplib.SMTPResponseException:
        raise  # the server answered that it does not accept the message
    except OSError as error:
        if not began:
            raise
        reason = f"the mail server stopped answering after the message was sent to it ({error_line(error)})"
        raise UnconfirmedDelivery(reason) from error
    finally:
        client.data, client.send = original_data, original_send  # type: ignore[method-assign]
