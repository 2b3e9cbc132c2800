"""`trace NAME-OR-SHA256`: show everything that ever happened to a scan, from the ledger."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.arguments import json_option, ledger_option
from pipeline.cli.console import print_error, print_json
from pipeline.cli.uris import existing_ledger_url
from pipeline.cli.verbs import Verb

if TYPE_CHECKING:
    from pipeline.ledger.database import Ledger
    from pipeline.ledger.tables import Scan

EPILOG = """\
NAME is a path in the inbox, a file name, a path in the output, the path of any master or derivative on this machine,
or eight or more digits of a sha256.

exit codes: 0 found; 1 unknown, or several scans match (they are listed); 2 there is no ledger

example: trace box/photo.jpg --ledger results/"""


@click.command(cls=Verb, epilog=EPILOG)
@click.argument("name", metavar="NAME-OR-SHA256")
@ledger_option
@click.option("--collection", help="look in one collection only")
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", "json", "premis")),
    default="text",
    help="text for people (default), JSON, or PREMIS 3 XML",
)
@json_option
def command(name: str, ledger: str | None, collection: str | None, form: str, as_json: bool) -> int:
    """Show from the ledger what was received, decided, done and published, when and by what."""
    from pipeline.cli.trace_console import history_as_json, print_history
    from pipeline.ledger import history
    from pipeline.ledger.migrate import upgrade

    as_json |= form == "json"
    opened = upgrade(existing_ledger_url(ledger, name))
    with opened.read() as session:
        histories = [history.history(session, scan) for scan in _find(opened, name, collection)]
    if not histories:
        print_error("trace", f"the ledger knows no scan {name!r}")
        return 1
    # A file that was replaced has several contents under one path: these are one history.
    if len({(found.scan.collection, found.scan.path) for found in histories}) > 1:
        _print_candidates(name, [_candidate(found.scan) for found in histories], as_json)
        return 1
    if form == "premis":
        from pipeline.provenance.premis_history import write_premis

        write_premis(sys.stdout.buffer, histories)
    elif as_json:
        print_json({"scans": [history_as_json(found) for found in histories]})
    else:
        for found in histories:
            print_history(found)
    return 0


def _print_candidates(name: str, candidates: list[dict[str, Any]], as_json: bool) -> None:
    """Print the scans that a name may mean."""
    if as_json:
        print_json({"candidates": candidates})
        return
    from pipeline.escape import visible

    print_error("trace", f"{name!r} may mean {len(candidates)} scans; name one by its path or digest:")
    for scan in candidates:
        print(f"  {scan['sha256'][:16]:16}  {scan['collection']}  {visible(scan['path'])}", file=sys.stderr)


def _candidate(scan: Scan) -> dict[str, Any]:
    return {"collection": scan.collection, "path": scan.path, "sha256": scan.sha256}


def _find(ledger: Ledger, name: str, collection: str | None) -> list[Scan]:
    """Return the scans that a name, a digest, or a file on this machine means."""
    from pipeline import storage
    from pipeline.ledger import history

    with ledger.read() as session:
        found = list(history.find(session, name, collection))
        if not found and Path(name).is_file():
            found = list(history.find(session, storage.sha256(name), collection))
    return found
