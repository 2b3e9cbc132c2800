"""Check that the mail server answers and takes the login; nothing is sent."""

from __future__ import annotations

import os
from collections.abc import Sequence

from pipeline.digests.mail_server import VARIABLE, parse_mail_server
from pipeline.digests.smtp_connect import smtp_connect
from pipeline.preflight.finding import Finding, find_within
from pipeline.settings import Collection

SUBJECT = "mail"


def check_mail(collections: Sequence[Collection], seconds: float) -> list[Finding]:
    """Return what is wrong with the mail server of this environment.

    Args:
        collections: whose recipients wait for digests.
        seconds: how long it has to answer.
    """
    text = os.environ.get(VARIABLE, "")
    if not text:
        waiting = [collection.name for collection in collections if collection.recipients]
        if not waiting:
            return []
        message = (
            f"{', '.join(waiting)} names recipients, and {VARIABLE} names no mail server: digests are only written, as"
            " digest.eml beside the report, unless a server is set in Airflow's UI"
        )
        return [Finding(SUBJECT, message)]

    def check() -> None:
        with smtp_connect(parse_mail_server(text)):
            return

    return find_within(seconds, SUBJECT, "the mail server", check)


def mail_summary() -> str:
    """Return which mail server is configured in this environment, without its password; empty where none is."""
    from pipeline.errors import ConfigurationError

    try:
        return str(parse_mail_server(os.environ[VARIABLE])) if os.environ.get(VARIABLE) else ""
    except ConfigurationError:
        return f"{VARIABLE} cannot be read"
