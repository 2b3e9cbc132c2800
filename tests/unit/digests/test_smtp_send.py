"""Digests are sent through a real mail server on this machine, and it is known whether one can have arrived."""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from faulty_mail import FaultyMail
from mail_channel import MailChannel
from ports import free_port

from pipeline.digests import Channel
from pipeline.digests.smtp_send import smtp_send
from pipeline.errors import UnconfirmedDelivery

Build = Callable[..., EmailMessage]
Serve = Callable[..., smtplib.SMTP]


class Postbox:
    """Keeps what arrives; refuses the recipients and the messages that it was given."""

    def __init__(self, refuse: dict[str, str] | None = None, answer: str = "250 OK") -> None:
        self.refuse, self.answer = refuse or {}, answer
        self.arrived: list[tuple[str, list[str], bytes]] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.answer.startswith("250"):
            self.arrived.append((envelope.mail_from, list(envelope.rcpt_tos), envelope.content))
        return self.answer


@pytest.fixture
def connect() -> Iterator[Serve]:
    """Starts a mail server on a free port of this machine, and returns a connection to it."""
    running: list[Controller] = []
    clients: list[smtplib.SMTP] = []

    def start(postbox: Postbox) -> smtplib.SMTP:
        running.append(Controller(postbox, hostname="127.0.0.1", port=free_port()))
        running[-1].start()
        clients.append(smtplib.SMTP("127.0.0.1", running[-1].port, timeout=5))
        return clients[-1]

    yield start
    for client in clients:
        client.close()
    for server in running:
        server.stop()


@pytest.fixture
def message(build: Build, tmp_path: Path) -> EmailMessage:
    pdf = tmp_path / "report.pdf"
    pdf.write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 40)
    return build(pdf=pdf, recipients=["anna@example.org", "bert@example.org"], title="Fotos aus Übersee")


def contents(message: EmailMessage) -> list[Any]:
    """Returns what the parts hold; text with line ends as this machine writes them."""
    parts = [part.get_content() for part in message.walk() if not part.is_multipart()]  # type: ignore[attr-defined]
    return [part.replace("\r\n", "\n") if isinstance(part, str) else part for part in parts]


def test_what_arrives_is_what_was_sent(connect: Serve, message: EmailMessage) -> None:
    postbox = Postbox()
    assert smtp_send(connect(postbox), message) == {}
    ((sender, recipients, content),) = postbox.arrived
    assert (sender, recipients) == ("restoration@archive.example", ["anna@example.org", "bert@example.org"])
    arrived = message_from_bytes(content, policy=policy.default)
    assert arrived["Subject"].startswith("Fotos aus Übersee: 12 restored, 1 to review")
    assert arrived["Message-ID"] == message["Message-ID"]
    kinds = [part.get_content_type() for part in arrived.walk()]
    assert kinds[:5] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
    ]
    assert kinds[5:] == ["image/jpeg"] * 6 + ["application/pdf"]
    assert contents(arrived) == contents(message)
    assert max(map(len, content.split(b"\r\n"))) <= 998  # RFC 5321


def test_the_connection_can_be_used_again(connect: Serve, message: EmailMessage) -> None:
    postbox = Postbox()
    client = connect(postbox)
    smtp_send(client, message)
    smtp_send(client, message)
    assert len(postbox.arrived) == 2


@pytest.mark.parametrize("answer", ["451 try again later", "554 no, never"])
def test_a_refused_message_was_not_sent(connect: Serve, message: EmailMessage, answer: str) -> None:
    with pytest.raises(smtplib.SMTPDataError) as refused:
        smtp_send(connect(Postbox(answer=answer)), message)
    assert refused.value.smtp_code == int(answer[:3])


def test_all_recipients_refused(connect: Serve, message: EmailMessage) -> None:
    refuse = {"anna@example.org": "450 greylisted", "bert@example.org": "550 unknown"}
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        smtp_send(connect(Postbox(refuse)), message)
    assert refused.value.recipients == {"anna@example.org": (450, b"greylisted"), "bert@example.org": (550, b"unknown")}


def test_one_refused_recipient_does_not_cost_the_others(connect: Serve, message: EmailMessage) -> None:
    postbox = Postbox({"bert@example.org": "550 unknown"})
    assert smtp_send(connect(postbox), message) == {"bert@example.org": (550, b"unknown")}
    assert postbox.arrived[0][1] == ["anna@example.org"]


@pytest.mark.parametrize(
    ("mode", "error", "messages"),
    [
        ("refuse", smtplib.SMTPConnectError, 0),
        ("hang", OSError, 0),
        ("later", smtplib.SMTPDataError, 0),
        ("die", smtplib.SMTPServerDisconnected, 0),
        ("swallow", UnconfirmedDelivery, 1),
        ("mute", UnconfirmedDelivery, 1),
        # It accepted the message: what it does afterwards does not matter.
        ("linger", None, 1),
    ],
)
def test_whether_a_message_can_have_arrived_is_known(
    message: EmailMessage, mode: str, error: type[Exception] | None, messages: int
) -> None:
    mail = FaultyMail(mode, patience=2.0)
    try:
        channel: Channel = MailChannel(mail.port, timeout=0.5)
        if error is None:
            channel.send(message)
        else:
            with pytest.raises(error):
                channel.send(message)
        assert len(mail.messages) == messages
    finally:
        mail.close()
