"""`usage [COLLECTION]`: show how much room results take."""

from __future__ import annotations

import click

from pipeline.cli.arguments import json_option, ledger_option
from pipeline.cli.console import print_json, stdout_console
from pipeline.cli.uris import existing_ledger_url
from pipeline.cli.verbs import Verb

EPILOG = """\
Counted is what lies below each output, folders and buckets alike; masters lie in the inbox and are not counted.

exit codes: 0 done; 1 a store did not answer; 2 the ledger does not know the collection

example: usage glass-plates --json"""


@click.command(cls=Verb, epilog=EPILOG)
@click.argument("collection", metavar="[COLLECTION]", required=False, default="")
@ledger_option
@json_option
def command(collection: str, ledger: str | None, as_json: bool) -> int:
    """Show how much room the results of each collection take, by folder and per scan."""
    from pipeline.cli.sizes import format_bytes
    from pipeline.escape import visible
    from pipeline.ledger.migrate import upgrade
    from pipeline.upkeep.usage import measure

    found = measure(upgrade(existing_ledger_url(ledger)), collection)
    if as_json:
        rows = [
            {
                "collection": usage.output.collection,
                "output": usage.output.uri,
                "scans": usage.scans,
                "master_bytes": usage.master_bytes,
                "files": usage.files,
                "bytes": usage.bytes,
            }
            for usage in found
        ]
        print_json({"outputs": rows})
        return 0
    console = stdout_console()
    for usage in found:
        console.print(f"{usage.output.collection}  {visible(usage.output.uri)}", markup=False, style="bold")
        for folder, size in usage.bytes.items():
            console.print(f"  {folder:12} {usage.files[folder]:>8,} files {format_bytes(size):>10}", markup=False)
        share = f", {usage.total / usage.master_bytes:.0%} of their masters" if usage.master_bytes else ""
        each = f", {format_bytes(usage.total / usage.scans)} per scan{share}" if usage.scans else ""
        console.print(f"  {usage.scans:,} scans, {format_bytes(usage.total)} in all{each}", markup=False)
    if not found:
        console.print("The ledger knows no collection.")
    return 0
