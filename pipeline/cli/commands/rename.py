"""`rename OLD NEW`: give a collection another name in the ledger."""

from __future__ import annotations

import click

from pipeline.cli.arguments import ledger_option
from pipeline.cli.uris import existing_ledger_url
from pipeline.cli.verbs import Verb

EPILOG = """\
Pause the collection's DAG, run this, then change the name in the collections file. Outcomes, history and names in the
output stay; past runs stay in Airflow under the old DAG until they are deleted there.

exit codes: 0 done; 2 the ledger does not know OLD, knows NEW already, or a batch is under way

example: rename glass-plates glass-plates-1890"""


@click.command(cls=Verb, epilog=EPILOG)
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@ledger_option
def command(old: str, new: str, ledger: str | None) -> int:
    """Give the collection OLD the name NEW in the ledger."""
    from pipeline.ledger.migrate import upgrade
    from pipeline.upkeep.rename import rename

    scans = rename(upgrade(existing_ledger_url(ledger)), old, new)
    print(f"{scans} scans belong to {new!r} now; change the name in the collections file")
    return 0
