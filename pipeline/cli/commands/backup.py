"""`backup FILE`: copy the ledger while runs go on."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli.arguments import ledger_option
from pipeline.cli.uris import existing_ledger_url
from pipeline.cli.values import PATH
from pipeline.cli.verbs import Verb

EPILOG = """\
The copy is as of one moment, whatever runs write meanwhile. Of SQLite it is a ledger: to restore, stop everything and
put it in the place of ledger.db, without ledger.db-wal and ledger.db-shm. Of PostgreSQL it is made by pg_dump: restore
it with pg_restore --clean --if-exists --dbname=DATABASE FILE. What was finished since is recognised in the outputs.

exit codes: 0 done; 1 the database did not answer; 2 FILE exists or cannot be written, or there is no ledger

example: backup /backup/ledger-$(date +%F).db"""


@click.command(cls=Verb, epilog=EPILOG)
@click.argument("file", metavar="FILE", type=PATH)
@ledger_option
def command(file: Path, ledger: str | None) -> int:
    """Copy the ledger to a new file while runs go on."""
    from pipeline.upkeep.backup import back_up

    target = file.expanduser().absolute()
    back_up(existing_ledger_url(ledger), target)
    print(f"{target}  {target.stat().st_size:,} bytes")
    return 0
