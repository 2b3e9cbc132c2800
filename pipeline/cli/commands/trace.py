"""`trace NAME-OR-SHA256`: show everything that ever happened to scans, and prove that the ledger was not rewritten."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.arguments import json_option, ledger_option
from pipeline.cli.console import NothingDone, print_error, print_json
from pipeline.cli.moments import parse_moment
from pipeline.cli.uris import existing_ledger_url
from pipeline.cli.verbs import Verb

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.ledger.database import Ledger
    from pipeline.ledger.search import ScanFilter
    from pipeline.ledger.tables import Scan

FORMATS = ("text", "json", "premis")
EPILOG = """\
One scan: NAME is a path in the inbox, a file name, a path in the output, the path of any master or derivative on this
machine, or eight or more digits of a sha256. Its whole history is shown.

Several scans: without NAME, those that fit every one of the other options are listed, or written as a whole with
--format json or premis, one after the other, however many they are. --weights takes a file, the name of shipped
weights, or digits of a digest: of an inpainter it finds what it has filled, of a detector what it has looked at.

--verify reads every event and proves by their chained sha256 that none was changed, removed or inserted, and that the
heads in reports, in mails and on paper still hold.

exit codes: 0 found, or whole; 1 nothing found, several scans match NAME (they are listed), or the ledger was changed;
2 wrong usage, or there is no ledger

examples: trace box/photo.jpg --ledger results/
          trace box/photo.jpg --format premis > photo.premis.xml
          trace --part 1890 --user anna --since 30d          what Anna decided about, of these
          trace --weights rn-faithful --format json          which pictures did these weights fill?
          trace --verify glass-plates --head 5120:9f86d081   does the report on paper still hold?"""


@click.command(cls=Verb, epilog=EPILOG)
@click.argument("name", metavar="[NAME-OR-SHA256]", required=False, default="")
@click.option("--part", default="", help="scans with this in their path; upper and lower case alike")
@click.option("--batch", default="", help="scans that this batch has dealt with")
@click.option("--recipe", default="", metavar="DIGEST", help="scans with a result of this recipe")
@click.option("--weights", default="", metavar="WEIGHTS", help="scans that these weights have touched")
@click.option("--user", default="", help="scans about which this person, id or name, has decided")
@click.option("--since", metavar="WHEN", help="results recorded from then on: date, time, or 12h, 7d, 2w ago")
@click.option("--until", metavar="WHEN", help="results recorded before then")
@click.option("--collection", default="", help="look in one collection only")
@click.option("--limit", type=click.IntRange(min=1), default=200, help="scans that text lists at most (default 200)")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="text", help="text (default), JSON, or PREMIS 3 XML"
)
@click.option("--verify", is_flag=True, help="prove that the ledger was not rewritten, of a collection or of all")
@click.option(
    "--head", "heads", multiple=True, metavar="NUMBER:SHA256", help="with --verify: a head that a report or mail names"
)
@ledger_option
@json_option
@click.pass_context
def command(
    context: click.Context,
    name: str,
    part: str,
    batch: str,
    recipe: str,
    weights: str,
    user: str,
    since: str | None,
    until: str | None,
    collection: str,
    limit: int,
    form: str,
    verify: bool,
    heads: tuple[str, ...],
    ledger: str | None,
    as_json: bool,
) -> int:
    """Show from the ledger what was received, decided, done and published, when and by what."""
    form = "json" if as_json else form
    filters = (part, batch, recipe, weights, user, since, until)
    if verify:
        if any(filters) or (name and collection):
            context.fail("--verify takes one collection, and no other filter.")
        return _verify(context, ledger, collection or name, heads, as_json=form == "json")
    if heads:
        context.fail("--head goes with --verify.")
    if not any((name, collection, *filters)):
        context.fail("Name a scan, or say which scans (--part, --batch, …), or --verify.")
    from pipeline.ledger.migrate import upgrade
    from pipeline.ledger.search import ScanFilter

    begin, end = _moment("--since", since), _moment("--until", until)
    opened = upgrade(existing_ledger_url(ledger, name or "."))
    digests = _digests(weights) if weights else []
    wanted = ScanFilter("", part, batch, recipe, digests, user, begin, end, collection)
    if name and not any(filters):
        return _one(opened, name, collection, form)
    return _several(opened, name, wanted, limit, form)


def _one(opened: Ledger, name: str, collection: str, form: str) -> int:
    """Show the history of the scan of a name, and return the exit code."""
    scans = _find(opened, name, collection)
    if not scans:
        print_error("trace", f"the ledger knows no scan {name!r}")
        return 1
    # A file that was replaced has several contents under one path: these are one history.
    if len({(found.collection, found.path) for found in scans}) > 1:
        _print_candidates(name, [_candidate(scan) for scan in scans], form == "json")
        return 1
    _write(opened, scans, form)
    return 0


def _several(opened: Ledger, name: str, wanted: ScanFilter, limit: int, form: str) -> int:
    """List scans, or write their histories, and return the exit code."""
    from dataclasses import replace
    from itertools import chain, islice

    from pipeline.cli.trace_console import print_scans
    from pipeline.ledger.search import find_scans

    with opened.read() as session:
        found = find_scans(session, replace(wanted, name=name))
        first = next(found, None)
        if first is None:
            print_error("trace", "no scan fits all of this")
            return 1
        scans = chain([first], found)
        if form == "text":
            print_scans(session, list(islice(scans, limit)), more=next(scans, None) is not None)
            return 0
        # Found in one session and told in another, which forgets what was told.
        _write(opened, scans, form)
    return 0


def _write(opened: Ledger, scans: Iterable[Scan], form: str) -> None:
    """Write the histories of scans to stdout, one after the other."""
    from pipeline.cli.trace_console import print_histories_as_json, print_history
    from pipeline.ledger.history import histories

    with opened.read() as session:
        told = histories(session, scans)
        if form == "premis":
            from pipeline.provenance.premis_history import write_premis

            write_premis(sys.stdout.buffer, told)
        elif form == "json":
            print_histories_as_json(told)
        else:
            for one in told:
                print_history(one)


def _verify(
    context: click.Context, ledger: str | None, collection: str, heads: tuple[str, ...], *, as_json: bool
) -> int:
    """Prove the chains of events, and return the exit code."""
    from pipeline.cli.verify_console import parse_head, print_verified
    from pipeline.ledger.migrate import upgrade
    from pipeline.upkeep.verify import verify_ledger

    if heads and not collection:
        context.fail("--head: name the collection that it is of.")
    opened = upgrade(existing_ledger_url(ledger))
    found = verify_ledger(opened, collection, [parse_head(head) for head in heads])
    return 0 if print_verified(found, as_json) else 1


def _moment(option: str, text: str | None) -> datetime | None:
    try:
        return parse_moment(text) if text else None
    except ValueError as error:
        raise NothingDone(f"{option}: {error}") from error


def _digests(weights: str) -> list[str]:
    from pipeline.upkeep.weights_digests import weights_digests

    return weights_digests(weights)


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


def _find(ledger: Ledger, name: str, collection: str) -> list[Scan]:
    """Return the scans that a name, a digest, or a file on this machine means."""
    from pipeline import storage
    from pipeline.ledger.search import find_named, find_published
    from pipeline.stages.cleanup import FOLDERS

    with ledger.read() as session:
        found = list(find_named(session, name, collection))
        folder, _, below = name.partition("/")
        if not found and folder in FOLDERS:
            found = list(find_published(session, [below.rpartition(".")[0]], collection))
        if not found and Path(name).is_file():
            found = list(find_named(session, storage.sha256(name), collection))
    return found
