"""`prune [COLLECTION]`: find, and delete, what is no longer needed."""

from __future__ import annotations

from datetime import timedelta

import click

from pipeline.cli.arguments import json_option, ledger_option
from pipeline.cli.console import print_error, print_json, stdout_console
from pipeline.cli.uris import existing_ledger_url
from pipeline.cli.verbs import Verb
from pipeline.errors import ConfigurationError, StoreUnavailable
from pipeline.escape import error_line

WHAT = {"reports": "reports", "quarantine": "quarantine", "work": ".work"}
EPILOG = """\
Only what belongs to batches that have ended is named: reports and digests, quarantined copies (the files themselves are
in the inbox), and work areas that killed runs left. Derivatives, masks, suggestions, sidecars and the ledger are never
pruned. Without --delete nothing is deleted.

exit codes: 0 done; 1 something could not be deleted; 2 wrong usage

examples: prune --older-than 365                      what a year's retention would free
          prune glass-plates --what quarantine --delete"""


@click.command(cls=Verb, epilog=EPILOG)
@click.argument("collection", metavar="[COLLECTION]", required=False, default="")
@click.option("--older-than", metavar="DAYS", type=click.FloatRange(min=0), default=90, help="days (default 90)")
@click.option("--what", "kinds", type=click.Choice(tuple(WHAT)), multiple=True, help="may be repeated (default all)")
@click.option("--delete", "really", is_flag=True, help="delete it; without this it is only listed")
@ledger_option
@json_option
def command(
    collection: str, older_than: float, kinds: tuple[str, ...], really: bool, ledger: str | None, as_json: bool
) -> int:
    """Find what is no longer needed in the outputs, and delete it with --delete."""
    from pipeline.cli.sizes import format_bytes
    from pipeline.ledger.migrate import upgrade
    from pipeline.upkeep.prune import delete, find_prunable

    folders = [WHAT[kind] for kind in kinds or WHAT]
    opened = upgrade(existing_ledger_url(ledger))
    found = find_prunable(opened, timedelta(days=older_than), collection, folders)
    failed = 0
    for one in found if really else ():
        try:
            delete(opened, one)
        except (ConfigurationError, StoreUnavailable, OSError) as error:
            failed += 1
            print_error("prune", error_line(error))
    rows = [
        {
            "collection": one.output.collection,
            "what": one.folder,
            "batch": one.batch,
            "uri": one.uri,
            "files": one.files,
            "bytes": one.bytes,
        }
        for one in found
    ]
    if as_json:
        print_json({"deleted": really, "failed": failed, "found": rows})
        return 1 if failed else 0
    console = stdout_console()
    for one in found:
        size = format_bytes(one.bytes)
        console.print(f"{size:>10} {one.files:>6,} files  {one.uri}", markup=False)
    total = format_bytes(sum(one.bytes for one in found))
    done = "deleted" if really else "can be deleted: add --delete"
    what = f"{total} in {len(found)} folders {done}" if found else "Nothing is old enough to be pruned"
    console.print(f"{what}.", markup=False)
    return 1 if failed else 0
