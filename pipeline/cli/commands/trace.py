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

--verify reads every event of a collection and proves by their chained sha256 that none was changed, removed or
inserted, and that heads in reports, or on paper, still hold.

exit codes: 0 found, or whole; 1 unknown, or several scans match (they are listed), or the ledger was changed;
2 there is no ledger

examples: trace box/photo.jpg --ledger results/
          trace box/photo.jpg --format premis > photo.premis.xml
          trace --verify glass-plates --head 5120:9f86d081"""


@click.command(cls=Verb, epilog=EPILOG)
@click.argument("name", metavar="NAME-OR-SHA256", required=False, default="")
@ledger_option
@click.option("--collection", help="look in one collection only")
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", "json", "premis")),
    default="text",
    help="text for people (default), JSON, or PREMIS 3 XML",
)
@click.option(
    "--verify", is_flag=True, help="prove that the ledger was not rewritten; name one collection, or none for all"
)
@click.option(
    "--head", "heads", multiple=True, metavar="NUMBER:SHA256", help="with --verify: a head from a report or mail"
)
@json_option
@click.pass_context
def command(
    context: click.Context,
    name: str,
    ledger: str | None,
    collection: str | None,
    form: str,
    verify: bool,
    heads: tuple[str, ...],
    as_json: bool,
) -> int:
    """Show from the ledger what was received, decided, done and published, when and by what."""
    if verify:
        return _verify(context, ledger, collection or name, heads, as_json)
    if heads:
        context.fail("--head goes with --verify.")
    if not name:
        context.fail("Name a scan, or --verify.")
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


def _verify(context: click.Context, ledger: str | None, collection: str, heads: tuple[str, ...], as_json: bool) -> int:
    """Prove the chains of events, and return the exit code."""
    from pipeline.cli.verify_console import parse_head, print_verified
    from pipeline.ledger.migrate import upgrade
    from pipeline.upkeep.verify import verify_ledger

    if heads and not collection:
        context.fail("--head: name the collection that it is of.")
    opened = upgrade(existing_ledger_url(ledger))
    found = verify_ledger(opened, collection, [parse_head(head) for head in heads])
    return 0 if print_verified(found, as_json) else 1


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
