"""`mail-test COLLECTION|ADDRESS`: send one mail, and say in one line what came of it."""

from __future__ import annotations

import os

import click

from pipeline.cli.arguments import json_option
from pipeline.cli.console import nothing_done_on_error, print_json
from pipeline.cli.verbs import Verb
from pipeline.errors import ConfigurationError

EPILOG = """\
The server is that of the connection smtp_default, in AIRFLOW_CONN_SMTP_DEFAULT. One that was entered in Airflow's
UI is tested there, with the DAG mail_test.

exit codes: 0 the server took the mail; 2 it did not, and the reason is named

example: scripts/with-airflow archive-restoration mail-test anna@example.org"""


@click.command(cls=Verb, epilog=EPILOG)
@click.argument("recipient", metavar="COLLECTION|ADDRESS", help="a collection, whose recipients get it, or an address")
@json_option
def command(recipient: str, as_json: bool) -> int:
    """Send a test mail through the configured mail server."""
    from pipeline.digests import SmtpChannel, build_test_mail, parse_mail_server
    from pipeline.digests.mail_server import EXAMPLE, VARIABLE
    from pipeline.settings import load_collections, settings

    with nothing_done_on_error():
        text = os.environ.get(VARIABLE, "")
        if not text:
            raise ConfigurationError(f"no mail server is configured: set {VARIABLE}, e.g. to {EXAMPLE}")
        server, language = parse_mail_server(text), "en"
        recipients: tuple[str, ...] = (recipient,)
        if "@" not in recipient:
            collection = load_collections(settings().collections).get(recipient)
            recipients, language = collection.recipients, collection.language
        message = build_test_mail(recipients, server, sender=settings().smtp_sender, language=language)
        SmtpChannel(server).send(message)
    if as_json:
        print_json({"server": str(server), "sender": settings().smtp_sender, "recipients": list(recipients)})
    else:
        print(f"The mail server {server} took a mail from {settings().smtp_sender} to {', '.join(recipients)}.")
    return 0
