"""Read the address of a mail server: host, port, encryption and login."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from pipeline.errors import ConfigurationError

VARIABLE = "AIRFLOW_CONN_SMTP_DEFAULT"
EXAMPLE = "smtp://user:password@mail.example.org:587"
TLS_PORT, SUBMISSION_PORT, RELAY_PORT = 465, 587, 25
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Security(StrEnum):
    """How a connection to a mail server is encrypted."""

    TLS = "TLS"
    STARTTLS = "STARTTLS"
    NONE = "no encryption"


@dataclass(frozen=True)
class MailServer:
    """A mail server and how to log in to it.

    Attributes:
        user: empty for a server without login.
        token: OAuth 2.0 access token, used instead of a password.
        timeout: seconds that each step may take.
        verify: whether the server's certificate must be valid for its name.
    """

    host: str
    port: int
    security: Security
    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    timeout: float = 30.0
    verify: bool = True

    def __str__(self) -> str:
        return f"{self.host}:{self.port} ({self.security})"


def mail_server(
    kind: str, host: str, port: int | None, user: str, password: str, extra: Mapping[str, Any], token: str = ""
) -> MailServer:
    """Return the mail server of a connection as Airflow keeps it.

    Without a word on encryption it is TLS from the start on port 465 or for `smtps`, none on this machine itself, and
    otherwise STARTTLS, which the server must offer: a password never crosses a network in the clear by default.

    Args:
        kind: the connection's type, `smtp` or `smtps`.
        port: None for 465 with `smtps`, 25 on this machine, and otherwise 587.
        extra: `disable_ssl` and `disable_tls` (true or false) override what the port says; `timeout` in seconds;
            `ssl_context: none` accepts any certificate.

    Raises:
        ConfigurationError: there is no host, or a value is not of its kind.
    """
    if not host:
        raise ConfigurationError(f"{VARIABLE} names no mail server; write it like {EXAMPLE}")
    if kind not in ("smtp", "smtps"):
        raise ConfigurationError(f"{VARIABLE} is of the type {kind!r}, not smtp; write it like {EXAMPLE}")
    local = host in LOOPBACK
    no_ssl, no_tls = _flag(extra, "disable_ssl"), _flag(extra, "disable_tls")
    if port is None:
        port = TLS_PORT if kind == "smtps" or no_ssl is False else RELAY_PORT if local else SUBMISSION_PORT
    if kind == "smtps" or no_ssl is False or (no_ssl is None and port == TLS_PORT):
        security = Security.TLS
    elif no_tls if no_tls is not None else local:
        security = Security.NONE
    else:
        security = Security.STARTTLS
    return MailServer(host, port, security, user, password, token, _seconds(extra), extra.get("ssl_context") != "none")


def parse_mail_server(text: str) -> MailServer:
    """Return the mail server that a URI or a JSON object names, as Airflow writes connections.

    Raises:
        ConfigurationError: it is neither, or names no server; the message shows no password.
    """
    if text.lstrip().startswith("{"):
        return _parse_json(text)
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError as error:
        raise ConfigurationError(f"{VARIABLE}: the port is not a number; write it like {EXAMPLE}") from error
    if not parts.scheme or not parts.netloc:
        raise ConfigurationError(f"{VARIABLE} is neither a URI like {EXAMPLE} nor a JSON object")
    extra = dict(parse_qsl(parts.query))
    extra |= _object(extra.pop("__extra__", "{}"))
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return mail_server(parts.scheme, _host(parts), port, user, password, extra)


def _host(parts: SplitResult) -> str:
    """Return the host as it was written; `hostname` alone is in lower case, which certificates do not mind."""
    return unquote(parts.hostname or "")


def _parse_json(text: str) -> MailServer:
    document = _object(text)
    extra = document.get("extra") or {}
    try:
        port = int(document["port"]) if document.get("port") is not None else None
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"{VARIABLE}: the port {document['port']!r} is not a number") from error
    return mail_server(
        str(document.get("conn_type") or "smtp"),
        str(document.get("host") or ""),
        port,
        str(document.get("login") or ""),
        str(document.get("password") or ""),
        _object(extra) if isinstance(extra, str) else extra,
    )


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"{VARIABLE} is not valid JSON; a URI is simpler: {EXAMPLE}") from error
    if not isinstance(found, dict):
        raise ConfigurationError(f"{VARIABLE} must be a JSON object, or a URI like {EXAMPLE}")
    return found


def _flag(extra: Mapping[str, Any], key: str) -> bool | None:
    """Return a setting that is true or false; None where it is not given."""
    value = extra.get(key)
    if value is None or value == "":
        return None
    text = str(value).lower()
    if text not in ("true", "1", "yes", "false", "0", "no"):
        raise ConfigurationError(f"{VARIABLE}: {key}={value!s} is neither true nor false")
    return text in ("true", "1", "yes")


def _seconds(extra: Mapping[str, Any]) -> float:
    value = extra.get("timeout") or MailServer.timeout
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"{VARIABLE}: timeout={value!s} is not a number of seconds") from error
