"""A mail server on loopback that keeps what it is sent, as an SMTP connection of Airflow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from email.header import decode_header, make_header
from email.message import Message
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MessageHandler
from ports import free_port


class Mailbox(MessageHandler):
    """Keeps the messages that its server receives.

    Attributes:
        messages: oldest first.
        connection: value of AIRFLOW_CONN_SMTP_DEFAULT that leads to the server.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.messages: list[Message] = []
        self.connection = ""

    def handle_message(self, message: Message) -> None:
        self.messages.append(message)

    def subjects(self) -> list[str]:
        """Return the decoded subjects."""
        return [str(make_header(decode_header(message["Subject"]))) for message in self.messages]


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    mailbox = Mailbox()
    server = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    server.start()
    mailbox.connection = smtp_connection(server.port)
    yield mailbox
    server.stop()


def smtp_connection(port: int, **extra: Any) -> str:
    """Return an SMTP connection of Airflow as JSON, without encryption."""
    extra = {"disable_ssl": True, "disable_tls": True, "retry_limit": 0} | extra
    return json.dumps({"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra})
