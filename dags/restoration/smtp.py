"""Mail through Airflow's SMTP connection."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.providers.smtp.hooks.smtp import SmtpHook
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from pipeline.errors import ConfigurationError, MailRefused
from pipeline.escape import error_line

if TYPE_CHECKING:
    from email.message import EmailMessage

    from pipeline.digests import Channel, MailServer

CONNECTION = "smtp_default"
log = logging.getLogger(__name__)


def smtp_channel() -> Channel | None:
    """Return the channel of the configured SMTP connection, or None where there is none."""
    from pipeline.digests import SmtpChannel

    try:
        server = smtp_server()
    except ConfigurationError as error:
        return _UnusableChannel(error)
    if server is None:
        log.info("No Airflow connection %r: the digest is written as digest.eml and not sent", CONNECTION)
        return None
    return SmtpChannel(server)


def smtp_server() -> MailServer | None:
    """Return the mail server of the configured SMTP connection, or None where there is none.

    Raises:
        ConfigurationError: the connection cannot be used.
    """
    from pipeline.digests import mail_server

    try:
        found: Any = BaseHook.get_connection(CONNECTION)
        extra = found.extra_dejson
    except AirflowNotFoundException:
        return None
    except Exception as error:  # whatever a malformed variable or a secrets backend raises
        raise ConfigurationError(f"the connection {CONNECTION} cannot be read ({error_line(error)})") from error
    token = _token(found) if extra.get("auth_type") == "oauth2" else ""
    kind, host = found.conn_type or "smtp", found.host or ""
    return mail_server(kind, host, found.port, found.login or "", found.password or "", extra, token)


def _token(connection: Any) -> str:
    """Return an OAuth 2.0 access token, as the connection's extras say how to get one."""
    hook = SmtpHook(CONNECTION)
    hook.smtp_connection = connection
    try:
        return hook._get_oauth2_token()  # the hook gives it in no other way
    except Exception as error:  # whatever the identity provider's client raises
        raise MailRefused(f"no OAuth 2.0 token for the connection {CONNECTION} ({error_line(error)})") from error


@dataclass(frozen=True)
class _UnusableChannel:
    """Refuses every message: the digest is written first, and the mistake ends nothing but the mail."""

    error: ConfigurationError

    def send(self, message: EmailMessage) -> None:
        raise self.error
