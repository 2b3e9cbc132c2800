"""`check [FILE]`: say everything that is wrong with an installation, before anything runs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.arguments import json_option
from pipeline.cli.console import print_json
from pipeline.cli.values import PATH, Number
from pipeline.cli.verbs import Verb

if TYPE_CHECKING:
    from pipeline.preflight import Report

EPILOG = """\
Read are the collections file, the weights that it names, its inboxes, outputs, the ledger, and the mail server of the
environment, to which a connection is made. Nothing is restored, created or sent.

exit codes: 0 nothing is wrong; 1 something is (listed); 2 a setting in the environment is wrong

example: scripts/with-airflow archive-restoration check collections.new.yaml"""


@click.command(cls=Verb, epilog=EPILOG)
@click.argument(
    "file", metavar="[FILE]", type=PATH, required=False, help="a collections file (default: the one in use)"
)
@click.option("--seconds", type=Number(min=0, min_open=True, max=3600), default=10.0, help="wait for each (default 10)")
@json_option
def command(file: Path | None, seconds: float, as_json: bool) -> int:
    """Check a collections file, its folders and weights, the ledger and the mail server."""
    from pipeline.preflight import check_installation
    from pipeline.settings import settings

    path = (file or settings().collections).absolute()
    report = check_installation(path, seconds=seconds)
    if as_json:
        print_json(
            {
                "file": str(path),
                "collections": [collection.name for collection in report.collections],
                "findings": [vars(finding) for finding in report.findings],
            }
        )
    else:
        _print_report(path, report)
    return 1 if report.findings else 0


def _print_report(path: Path, report: Report) -> None:
    """Print what each collection is, and then everything that is wrong."""
    from pipeline.preflight.ledger import shown
    from pipeline.preflight.mail import mail_summary
    from pipeline.preflight.overview import overview
    from pipeline.settings import settings

    print(f"collections  {path}")
    print(f"ledger       {shown(settings().ledger_url)}")
    print(f"mail server  {mail_summary() or 'none in AIRFLOW_CONN_SMTP_DEFAULT'}")
    for collection in report.collections:
        print(f"\n{collection.name}")
        for label, text in overview(collection, datetime.now(UTC)):
            print(f"  {label:<8} {text}")
    print()
    for finding in report.findings:
        print(finding)
    count = len(report.findings)
    print("Nothing is wrong." if not count else "1 thing is wrong." if count == 1 else f"{count} things are wrong.")
