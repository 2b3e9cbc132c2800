"""`outdated [COLLECTION]`: say what the next run does again after an update or a change of recipe."""

from __future__ import annotations

import click

from pipeline.cli.arguments import json_option, ledger_option
from pipeline.cli.console import print_json
from pipeline.cli.uris import existing_ledger_url
from pipeline.cli.verbs import Verb
from pipeline.errors import ConfigurationError

WHY = {"recipe": "the recipe was changed", "software": "software or weights were updated"}
EPILOG = """\
Run it after an update and before `make up`, or after editing the collections file. It reads that file and the
ledger only; nothing is done. What is kept can be done again with `redo: changed` in the collections file, or by a run
with *redo*.

exit codes: 0 done; 1 the ledger did not answer; 2 there is no ledger, no such collection, or its weights are wrong

example: outdated glass-plates"""


@click.command(cls=Verb, epilog=EPILOG)
@click.argument("collection", metavar="[COLLECTION]", required=False, default="")
@ledger_option
@json_option
def command(collection: str, ledger: str | None, as_json: bool) -> int:
    """Say how many finished scans an earlier recipe or version made, and what the next run does with them."""
    from pipeline.ledger.migrate import upgrade
    from pipeline.settings import load_collections, settings
    from pipeline.upkeep.outdated import find_outdated

    file = load_collections(settings().collections)
    if not file.collections and file.problems:
        raise ConfigurationError(f"{file.path}: {file.problems[0]}")
    opened = upgrade(existing_ledger_url(ledger))
    chosen = [file.get(collection)] if collection else file.collections
    found = [find_outdated(opened, one) for one in chosen]
    if as_json:
        rows = [
            {
                "collection": one.collection.name,
                "redo": str(one.collection.redo),
                "finished": one.finished,
                "kept": one.kept,
                "again": dict(one.again),
            }
            for one in found
        ]
        print_json({"collections": rows})
        return 0
    for one in found:
        print(f"{one.collection.name}: {one.finished:,} finished scans, redo: {one.collection.redo}")
        for why, count in one.again.most_common():
            print(f"  {count:,} are done again by the next run, because {WHY[why]}")
        if one.kept:
            print(f"  {one.kept:,} were made with an earlier recipe or version, and are kept")
        if not one.kept and not one.again:
            print("  all are up to date")
    return 0
