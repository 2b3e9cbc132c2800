"""Mail goes through servers of each kind, with and without a login; what they refuse is one plain sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from email.message import EmailMessage
from typing import Any

import pytest
from faulty_mail import FaultyMail
from mail_kinds import KindServer, Postbox
from ports import free_port
from tls_certificates import Certificates, make_certificates

from pipeline.digests.mail_server import MailServer, Security
from pipeline.digests.smtp_channel import SmtpChannel
from pipeline.errors import ConfigurationError, MailRefused, MailUnavailable

Serve = Callable[..., int]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def postbox() -> Postbox:
    return Postbox()


@pytest.fixture
def serve(postbox: Postbox, certificates: Certificates) -> Iterator[Serve]:
    """Starts a mail server and returns its port."""
    running: list[KindServer] = []

    def start(security: Security, login: str = "") -> int:
        tls = certificates.context if security is Security.TLS else None
        starttls = certificates.context if security is Security.STARTTLS else None
        running.append(KindServer(postbox, tls, starttls, login))
        running[-1].start()
        return running[-1].port

    yield start
    for server in running:
        server.stop()


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch, certificates: Certificates) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))


def message(to: str = "anna@example.org", sender: str = "restoration@example.org") -> EmailMessage:
    built = EmailMessage()
    built["From"], built["To"], built["Subject"] = sender, to, "Test"
    built.set_content("Grüße\n")
    return built


def send(port: int, security: Security, built: EmailMessage | None = None, **options: Any) -> None:
    SmtpChannel(MailServer("127.0.0.1", port, security, **{"timeout": 5.0} | options)).send(built or message())


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("login", ["", "anna:geheim/@:"])
@pytest.mark.parametrize("security", list(Security))
def test_servers_of_each_kind_take_a_message(serve: Serve, postbox: Postbox, security: Security, login: str) -> None:
    user, _, password = login.partition(":")
    send(serve(security, login), security, user=user, password=password)
    assert postbox.arrived == [["anna@example.org"]]


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("security", list(Security))
def test_a_refused_login_is_final_and_names_the_remedy(serve: Serve, postbox: Postbox, security: Security) -> None:
    with pytest.raises(
        MailRefused, match=r"refused the login of 'anna' \(535 .*: correct user and password"
    ) as refused:
        send(serve(security, "anna:right"), security, user="anna", password="wrong")
    assert isinstance(refused.value, ConfigurationError)  # which tasks never retry
    assert "wrong" not in str(refused.value)
    assert not postbox.arrived


@pytest.mark.usefixtures("trusted")
def test_a_server_that_wants_a_login_says_so(serve: Serve) -> None:
    with pytest.raises(MailRefused, match=r"only after a login .*: give user and password"):
        send(serve(Security.TLS, "anna:right"), Security.TLS)


def test_a_login_that_the_server_does_not_know_is_refused(serve: Serve) -> None:
    with pytest.raises(MailRefused, match="takes no login"):
        send(serve(Security.NONE), Security.NONE, user="anna", password="x")


def test_an_unknown_certificate_is_refused_unless_it_is_to_be_ignored(serve: Serve, postbox: Postbox) -> None:
    port = serve(Security.STARTTLS)
    with pytest.raises(MailRefused, match=r"certificate .* cannot be trusted .*SSL_CERT_FILE"):
        send(port, Security.STARTTLS)
    send(port, Security.STARTTLS, verify=False)
    assert len(postbox.arrived) == 1


def test_tls_on_a_port_without_it_is_explained(serve: Serve) -> None:
    with pytest.raises(MailRefused, match="does not speak TLS from the start on this port: use 587"):
        send(serve(Security.NONE), Security.TLS)


def test_starttls_that_is_not_offered_is_refused_before_a_password_is_sent(serve: Serve) -> None:
    with pytest.raises(MailRefused, match="does not offer STARTTLS: use port 465"):
        send(serve(Security.NONE), Security.STARTTLS, user="anna", password="x")


def test_what_is_refused_for_good_and_what_for_now(serve: Serve) -> None:
    port = serve(Security.NONE)
    with pytest.raises(MailRefused, match=r"refused the sender stranger@example.org .*RESTORATION_SMTP_SENDER"):
        send(port, Security.NONE, message(sender="stranger@example.org"))
    with pytest.raises(MailRefused, match=r"none of the recipients \(nobody@example.org: 550 5.1.1 unknown\)"):
        send(port, Security.NONE, message("nobody@example.org"))
    with pytest.raises(MailUnavailable, match="451 greylisted"):
        send(port, Security.NONE, message("later@example.org"))


@pytest.mark.parametrize(
    ("mode", "words"),
    [("refuse", "421 too busy"), ("hang", "did not answer within 1 s; TLS from the start"), ("die", "closed the conn")],
)
def test_a_server_that_is_away_may_be_back(mode: str, words: str) -> None:
    mail = FaultyMail(mode, patience=1.5)
    try:
        with pytest.raises(MailUnavailable, match=words):
            send(mail.port, Security.NONE, timeout=1.0)
    finally:
        mail.close()


def test_nobody_listens() -> None:
    with pytest.raises(MailUnavailable, match=r"127\.0\.0\.1:\d+ \(no encryption\) cannot be reached \(Connection ref"):
        send(free_port(), Security.NONE)
