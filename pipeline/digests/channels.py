"""Where a digest goes: a mail server, or a file."""

from __future__ import annotations

import logging
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Literal, Protocol

from pipeline.digests.smtp_send import hand_over
from pipeline.errors import ConfigurationError, StoreUnavailable, UnclearDelivery
from pipeline.storage import write_bytes

log = logging.getLogger(__name__)

Security = Literal["starttls", "ssl", "none"]


class Channel(Protocol):
    """Anything that takes a message to its readers."""

    def send(self, message: EmailMessage) -> None:
        """Hand the message over whole.

        Raises:
            StoreUnavailable: not now; sending the same message again may succeed.
            ConfigurationError: not like this; trying again cannot help.
            UnclearDelivery: it may have arrived; sending it again could double it.
        """


@dataclass(frozen=True)
class FileChannel:
    """Writes each message to one file, e.g. `<output>/reports/<batch>/digest.eml`, whole or not at all."""

    uri: str

    def send(self, message: EmailMessage) -> None:
        """Write the message.

        Raises:
            StoreUnavailable: the place does not answer or refuses writes.
        """
        write_bytes(self.uri, bytes(message))


@dataclass(frozen=True)
class SmtpChannel:
    """Sends through a mail server.

    Attributes:
        security: `starttls` (587, usual), `ssl` (465), or `none` for a server on the same machine.
        username, password: no login when the name is empty.
        timeout: seconds for which each step of the conversation may take.
        context: trust for the encrypted connection; the machine's own when None.
    """

    host: str
    port: int = 587
    security: Security = "starttls"
    username: str = ""
    password: str = field(default="", repr=False)
    timeout: float = 30.0
    context: ssl.SSLContext | None = field(default=None, repr=False)

    def send(self, message: EmailMessage) -> None:
        """Send the message to all its recipients; those the server refuses alone are named in the log.

        Raises:
            StoreUnavailable: no answer, a dropped connection, or a server that says "later" (4xx).
            ConfigurationError: no recipients, wrong login, untrusted certificate, or a server that says "never" (5xx).
            UnclearDelivery: the connection broke while or after the message was handed over.
        """
        if not message["To"]:
            raise ConfigurationError("the digest has no recipients: name some in the collection's `recipients`")
        where = f"mail server {self.host}:{self.port}"
        try:
            with self._connected() as server:
                if self.username:
                    server.login(self.username, self.password)
                refused = hand_over(server, message)
        except UnclearDelivery as error:
            raise UnclearDelivery(f"{where}: {error}") from error
        except ssl.SSLCertVerificationError as error:
            raise ConfigurationError(f"{where}: its certificate is not trusted ({error.verify_message})") from error
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            raise _failure(where, min(codes), f"refuses all recipients: {_answers(error.recipients)}") from error
        except smtplib.SMTPResponseException as error:
            raise _failure(where, error.smtp_code, f"{error.smtp_code} {_words(error.smtp_error)}") from error
        except smtplib.SMTPNotSupportedError as error:
            raise ConfigurationError(f"{where}: {error}; is `{self.security}` the right security?") from error
        except (smtplib.SMTPException, OSError) as error:
            raise StoreUnavailable(f"{where} does not answer: {_words(str(error)) or type(error).__name__}") from error
        if refused:
            # The others have it: to fail here would send it to them again at every retry.
            log.warning("%s refused some recipients: %s", where, _answers(refused))

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        """Give a connection; how a server behaves when it is left says nothing of the message."""
        server = self._connect()
        try:
            yield server
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
        finally:
            server.close()

    def _connect(self) -> smtplib.SMTP:
        if self.security == "ssl":
            context = self.context or ssl.create_default_context()
            return smtplib.SMTP_SSL(self.host, self.port, timeout=self.timeout, context=context)
        server = smtplib.SMTP(self.host, self.port, timeout=self.timeout)
        if self.security == "starttls":
            try:
                server.starttls(context=self.context or ssl.create_default_context())
            except BaseException:
                server.close()
                raise
        return server


def _failure(where: str, code: int, words: str) -> StoreUnavailable | ConfigurationError:
    """Return the error for a server's answer: 4xx is for now, 5xx for good."""
    return StoreUnavailable(f"{where}: {words}") if 400 <= code < 500 else ConfigurationError(f"{where}: {words}")


def _answers(recipients: dict[str, tuple[int, bytes]]) -> str:
    return "; ".join(f"{address}: {code} {_words(answer)}" for address, (code, answer) in recipients.items())


def _words(answer: bytes | str) -> str:
    """Return a server's answer on one line."""
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return " ".join(text.split())[:300]
