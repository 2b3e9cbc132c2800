"""Connect to a mail server, and say in plain words why that, or sending, did not work."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from pipeline.digests.mail_server import SUBMISSION_PORT, TLS_PORT, VARIABLE, MailServer, Security
from pipeline.errors import MailRefused, MailUnavailable, RestorationError
from pipeline.escape import error_line, one_line

GOODBYE_SECONDS = 3.0
# What OpenSSL says when the other side answers in clear text.
NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE")


@contextmanager
def smtp_connect(server: MailServer) -> Iterator[smtplib.SMTP]:
    """Yield an encrypted connection to a mail server, logged in; errors in its use are translated too.

    Raises:
        MailRefused: the server refuses login, encryption, sender, every recipient or the message: a retry cannot help.
        MailUnavailable: it does not answer, or refuses for now.
    """
    with plain_mail_errors(server):
        client = _open(server)
        try:
            _log_in(client, server)
            yield client
            _say_goodbye(client)
        finally:
            client.close()


def _say_goodbye(client: smtplib.SMTP) -> None:
    """End the session; what was sent is sent, whatever the server answers."""
    with suppress(OSError):
        if client.sock is not None:
            client.sock.settimeout(GOODBYE_SECONDS)
        client.quit()


def _open(server: MailServer) -> smtplib.SMTP:
    if server.security is Security.TLS:
        return smtplib.SMTP_SSL(server.host, server.port, timeout=server.timeout, context=_context(server))
    client = smtplib.SMTP(server.host, server.port, timeout=server.timeout)
    if server.security is Security.STARTTLS:
        try:
            client.starttls(context=_context(server))
        except BaseException:
            client.close()
            raise
    return client


def _log_in(client: smtplib.SMTP, server: MailServer) -> None:
    client.ehlo_or_helo_if_needed()
    if server.token:
        answer = f"user={server.user}\x01auth=Bearer {server.token}\x01\x01"
        client.auth("XOAUTH2", lambda _challenge=None: answer)
    elif server.user:
        client.login(server.user, server.password)


def _context(server: MailServer) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not server.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@contextmanager
def plain_mail_errors(server: MailServer) -> Iterator[None]:
    """Turn errors of `smtplib` and of the network into one plain sentence with the remedy.

    Raises:
        MailRefused, MailUnavailable: as `smtp_connect`.
    """
    try:
        yield
    except RestorationError:
        raise
    except smtplib.SMTPNotSupportedError as error:
        raise MailRefused(_unsupported(server, str(error))) from error
    except smtplib.SMTPRecipientsRefused as error:
        answers = "; ".join(f"{to}: {code} {_text(said)}" for to, (code, said) in error.recipients.items())
        temporary = any(code < 500 for code, _ in error.recipients.values())
        message = f"the mail server {server} accepts none of the recipients ({answers})"
        raise (MailUnavailable if temporary else MailRefused)(message) from error
    except smtplib.SMTPResponseException as error:
        message = f"the mail server {server} {_refused(server, error)}"
        raise (MailRefused if error.smtp_code >= 500 else MailUnavailable)(message) from error
    except ssl.SSLCertVerificationError as error:
        raise MailRefused(
            f"the certificate of the mail server {server} cannot be trusted ({error.verify_message}): correct the host"
            f" name in {VARIABLE}, or name your authority's certificates in SSL_CERT_FILE"
        ) from error
    except ssl.SSLError as error:
        if error.reason in NO_TLS:
            raise MailRefused(
                f"the mail server {server} does not speak TLS from the start on this port: use {SUBMISSION_PORT} with"
                f" STARTTLS, or the port that your provider names ({VARIABLE})"
            ) from error
        raise MailUnavailable(f"the encryption with the mail server {server} failed ({error.reason})") from error
    except TimeoutError as error:
        raise MailUnavailable(_no_answer(server)) from error
    except smtplib.SMTPServerDisconnected as error:
        closed = f"the mail server {server} closed the connection"
        raise MailUnavailable(_no_answer(server) if "timed out" in str(error) else closed) from error
    except smtplib.SMTPException as error:
        raise MailRefused(f"the mail server {server} offers no login that this program knows: {error}") from error
    except OSError as error:
        reason = error.strerror or error_line(error)
        raise MailUnavailable(f"the mail server {server} cannot be reached ({reason})") from error


def _no_answer(server: MailServer) -> str:
    hint = "" if server.security is Security.TLS else f"; TLS from the start is usual on port {TLS_PORT}"
    return f"the mail server {server} did not answer within {server.timeout:.0f} s{hint}"


def _unsupported(server: MailServer, said: str) -> str:
    """Return what a server does not offer, and the remedy."""
    if "STARTTLS" in said:
        return (
            f"the mail server {server} does not offer STARTTLS: use port {TLS_PORT} for TLS from the start, or, on a"
            f" network that you trust, add ?disable_tls=true to {VARIABLE}"
        )
    if "AUTH" in said:
        return f"the mail server {server} takes no login: leave user and password out of {VARIABLE}"
    return f"the mail server {server} cannot take this message: {said}"


def _refused(server: MailServer, error: smtplib.SMTPResponseException) -> str:
    """Return what a server refused, with its own answer."""
    answer = f"({error.smtp_code} {_text(error.smtp_error)})"
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"refused the login of {server.user!r} {answer}: correct user and password in {VARIABLE}"
    if isinstance(error, smtplib.SMTPSenderRefused):
        if error.smtp_code == 530:
            return f"takes mail only after a login {answer}: give user and password in {VARIABLE}"
        return f"refused the sender {error.sender} {answer}: correct RESTORATION_SMTP_SENDER"
    return f"refused {'the connection' if isinstance(error, smtplib.SMTPConnectError) else 'the message'} {answer}"


def _text(answer: bytes | str) -> str:
    return one_line(answer.decode(errors="replace") if isinstance(answer, bytes) else answer, 200)
