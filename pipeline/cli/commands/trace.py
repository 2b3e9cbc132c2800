"""`trace NAME-OR-SHA256`: everything that ever happened to a scan, from the ledger."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.cli.uris import LEDGER, as_url

if TYPE_CHECKING:
    from pipeline.ledger.database import Ledger
    from pipeline.ledger.history import History
    from pipeline.ledger.tables import Scan

EPILOG = """\
NAME is a path in the inbox, a file name, a path in the output, the path of any master or derivative at hand, or eight
or more digits of a sha256.

exit codes: 0 found; 1 unknown, or several scans are meant (they are listed); 2 there is no ledger"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb `trace`."""
    parser = subparsers.add_parser(
        "trace",
        help="tell everything that ever happened to a scan",
        description="Tells from the ledger what was received, decided, done and published, when and by what.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", metavar="NAME-OR-SHA256")
    parser.add_argument(
        "--ledger",
        metavar="URL",
        help="URL, file, or output folder (default: RESTORATION_LEDGER_URL, else what is near)",
    )
    parser.add_argument("--collection", help="look in one collection only")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print a scan's history; return the exit code."""
    from pipeline.cli.trace_console import document, table
    from pipeline.ledger import history
    from pipeline.ledger.migrate import upgrade

    url = _ledger(arguments.ledger, arguments.name)
    ledger = upgrade(url)
    with ledger.read() as session:
        scans = _find(ledger, arguments.name, arguments.collection)
        stories = [history.history(session, scan) for scan in scans]
    if not stories:
        print(f"trace: the ledger knows no scan {arguments.name!r}", file=sys.stderr)
        return 1
    # A file that was replaced has several contents under one path: that is one story.
    if len({(story.scan.collection, story.scan.path) for story in stories}) > 1:
        return _ambiguous(arguments, stories)
    if arguments.json:
        print(json.dumps({"scans": [document(story) for story in stories]}))
    else:
        for story in stories:
            table(story)
    return 0


def _ambiguous(arguments: argparse.Namespace, stories: list[History]) -> int:
    """List the scans that a name may mean."""
    found = [_candidate(story.scan) for story in stories]
    if arguments.json:
        print(json.dumps({"candidates": found}))
        return 1
    from pipeline.escape import visible

    print(f"trace: {arguments.name!r} may mean {len(found)} scans; name one by its path or digest:", file=sys.stderr)
    for one in found:
        print(f"  {one['sha256'][:16]:16}  {one['collection']}  {visible(one['path'])}", file=sys.stderr)
    return 1


def _candidate(scan: Scan) -> dict[str, Any]:
    return {"collection": scan.collection, "path": scan.path, "sha256": scan.sha256}


def _find(ledger: Ledger, name: str, collection: str | None) -> list[Scan]:
    """Return the scans that a name, a digest, or a file at hand means."""
    from pipeline import storage
    from pipeline.ledger import history

    with ledger.read() as session:
        found = list(history.find(session, name, collection))
        if not found and Path(name).is_file():
            found = list(history.find(session, storage.sha256(name), collection))
    return found


def _ledger(given: str | None, name: str) -> str:
    """Return the URL of an existing ledger.

    Raises:
        ConfigurationError: there is none.
    """
    from pipeline.errors import ConfigurationError
    from pipeline.settings import settings

    if given:
        url = as_url(given)
    elif os.environ.get("RESTORATION_LEDGER_URL"):
        url = settings().ledger_url
    else:
        near = [Path.cwd(), *Path(name).absolute().parents]
        url = next((as_url(str(folder)) for folder in near if (folder / LEDGER).is_file()), settings().ledger_url)
    file = Path(url.removeprefix("sqlite:///"))
    if url.startswith("sqlite:///") and not file.is_file():
        raise ConfigurationError(f"there is no ledger at {file}; name it with --ledger (the output folder will do)")
    return url
