"""Digests on their way: through a real mail server on this machine, or into a file."""

from __future__ import annotations

import datetime
import ipaddress
import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from faulty_mail import FaultyMail

from pipeline.digests import Channel, FileChannel, SmtpChannel
from pipeline.errors import ConfigurationError, StoreUnavailable, UnclearDelivery

Build = Callable[..., EmailMessage]


class Postbox:
    """Keeps what arrives; refuses the recipients and the messages it is told to."""

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


class SslController(Controller):
    """A server that speaks TLS from the first byte, also when it is asked whether it is up."""

    def _trigger_server(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection((self.hostname, self.port), 5) as raw, context.wrap_socket(raw) as wrapped:
            wrapped.recv(1024)


@pytest.fixture
def serve() -> Iterator[Callable[..., Controller]]:
    """Starts mail servers on a free port of this machine."""
    running: list[Controller] = []

    def start(postbox: Postbox, kind: type[Controller] = Controller, **options: Any) -> Controller:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = kind(postbox, hostname="127.0.0.1", port=port, **options)
        server.start()
        running.append(server)
        return server

    yield start
    for server in running:
        server.stop()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Returns a server's context, and one that trusts it."""
    folder = tmp_path_factory.mktemp("certificate")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(signed.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return server, ssl.create_default_context(cafile=str(folder / "cert.pem"))


@pytest.fixture
def message(build: Build, tmp_path: Path) -> EmailMessage:
    pdf = tmp_path / "report.pdf"
    pdf.write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 40)
    return build(pdf=pdf, recipients=["anna@example.org", "bert@example.org"], title="Fotos aus Übersee")


def contents(message: EmailMessage) -> list[Any]:
    """Returns what the parts hold; text with line ends as this machine writes them."""
    parts = [part.get_content() for part in message.walk() if not part.is_multipart()]  # type: ignore[attr-defined]
    return [part.replace("\r\n", "\n") if isinstance(part, str) else part for part in parts]


def plain(server: Controller, **changes: Any) -> SmtpChannel:
    return SmtpChannel(server.hostname, server.port, security="none", timeout=5, **changes)


def test_what_arrives_is_what_was_sent(serve: Any, message: EmailMessage) -> None:
    postbox = Postbox()
    channel: Channel = plain(serve(postbox))
    channel.send(message)
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


def test_starttls_and_login(serve: Any, message: EmailMessage, certificate: Any) -> None:
    server_side, client_side = certificate
    seen: list[Any] = []

    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: LoginPassword) -> AuthResult:
        seen.append((data.login, data.password, session.ssl is not None))
        return AuthResult(success=data.password == b"right", handled=False)

    postbox = Postbox()
    server = serve(postbox, tls_context=server_side, require_starttls=True, authenticator=check, auth_required=True)
    channel = SmtpChannel("127.0.0.1", server.port, username="archive", password="right", context=client_side)
    channel.send(message)
    assert seen == [(b"archive", b"right", True)] and len(postbox.arrived) == 1
    wrong = SmtpChannel("127.0.0.1", server.port, username="archive", password="s3cret", context=client_side)
    with pytest.raises(ConfigurationError, match="535") as error:
        wrong.send(message)
    assert "s3cret" not in str(error.value) and "s3cret" not in repr(wrong)


def test_ssl_from_the_start(serve: Any, message: EmailMessage, certificate: Any) -> None:
    server_side, client_side = certificate
    postbox = Postbox()
    server = serve(postbox, SslController, ssl_context=server_side)
    SmtpChannel("127.0.0.1", server.port, security="ssl", context=client_side).send(message)
    assert len(postbox.arrived) == 1


def test_an_untrusted_certificate_is_never_used(serve: Any, message: EmailMessage, certificate: Any) -> None:
    postbox = Postbox()
    server = serve(postbox, tls_context=certificate[0])
    with pytest.raises(ConfigurationError, match="certificate is not trusted"):
        SmtpChannel("127.0.0.1", server.port).send(message)
    assert postbox.arrived == []


def test_a_server_without_starttls_is_never_given_the_password(serve: Any, message: EmailMessage) -> None:
    postbox = Postbox()
    server = serve(postbox)
    with pytest.raises(ConfigurationError, match="STARTTLS"):
        SmtpChannel("127.0.0.1", server.port, username="a", password="b").send(message)
    assert postbox.arrived == []


@pytest.mark.parametrize(
    ("answer", "error"),
    [("451 try again later", StoreUnavailable), ("554 no, never", ConfigurationError)],
)
def test_later_and_never_are_told_apart(serve: Any, message: EmailMessage, answer: str, error: type[Exception]) -> None:
    with pytest.raises(error, match=answer):
        plain(serve(Postbox(answer=answer))).send(message)


@pytest.mark.parametrize(("code", "error"), [("450 greylisted", StoreUnavailable), ("550 unknown", ConfigurationError)])
def test_all_recipients_refused(serve: Any, message: EmailMessage, code: str, error: type[Exception]) -> None:
    refuse = {"anna@example.org": code, "bert@example.org": "550 unknown"}
    with pytest.raises(error, match=rf"anna@example\.org: {code}"):
        plain(serve(Postbox(refuse))).send(message)


def test_one_refused_recipient_does_not_cost_the_others(
    serve: Any, message: EmailMessage, caplog: pytest.LogCaptureFixture
) -> None:
    postbox = Postbox({"bert@example.org": "550 unknown"})
    with caplog.at_level(logging.WARNING):
        plain(serve(postbox)).send(message)
    assert postbox.arrived[0][1] == ["anna@example.org"]
    assert "bert@example.org: 550 unknown" in caplog.text


def test_nobody_answers(message: EmailMessage) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(1)
        port = deaf.getsockname()[1]
        with pytest.raises(StoreUnavailable, match=rf"127\.0\.0\.1:{port} does not answer"):
            SmtpChannel("127.0.0.1", port, security="none", timeout=0.3).send(message)
    with pytest.raises(StoreUnavailable, match="refused"):
        SmtpChannel("127.0.0.1", port, security="none").send(message)
    with pytest.raises(StoreUnavailable):
        SmtpChannel("no-such-host.invalid", 25, security="none", timeout=2).send(message)


def test_without_recipients_nothing_is_sent(serve: Any, build: Build) -> None:
    with pytest.raises(ConfigurationError, match="recipients"):
        plain(serve(Postbox())).send(build(recipients=[]))


def test_file_channel_writes_what_a_mail_program_opens(tmp_path: Path, message: EmailMessage) -> None:
    target = tmp_path / "reports" / "digest.eml"
    channel: Channel = FileChannel(str(target))
    channel.send(message)
    channel.send(message)
    assert [path.name for path in target.parent.iterdir()] == ["digest.eml"]
    assert message_from_bytes(target.read_bytes(), policy=policy.default)["Subject"] == message["Subject"]


@pytest.mark.parametrize(
    ("mode", "error", "messages"),
    [
        ("refuse", StoreUnavailable, 0),
        ("hang", StoreUnavailable, 0),
        ("later", StoreUnavailable, 0),
        ("die", StoreUnavailable, 0),
        ("swallow", UnclearDelivery, 1),
        ("mute", UnclearDelivery, 1),
        # It has said that it took it: what it does afterwards says nothing.
        ("linger", None, 1),
    ],
)
def test_whether_a_message_can_have_arrived_is_known(
    message: EmailMessage, mode: str, error: type[Exception] | None, messages: int
) -> None:
    mail = FaultyMail(mode, patience=2.0)
    try:
        channel = SmtpChannel("127.0.0.1", mail.port, "none", timeout=0.5)
        if error is None:
            channel.send(message)
        else:
            with pytest.raises(error, match=r"mail server 127\.0\.0\.1"):
                channel.send(message)
        assert len(mail.messages) == messages
    finally:
        mail.close()
