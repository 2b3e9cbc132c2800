"""`restore SRC DST`: the whole way without Airflow."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.uris import ledger_of, place, refuse_overlap, use_ledger
from pipeline.stages.run_summary import RunSummary

if TYPE_CHECKING:
    from pipeline.settings import Collection

EPILOG = """\
Below DST: restored/, masks/, suggestions/, sidecars/, quarantine/, reports/ and, unless another is named, ledger.db.
Masters are only read. Run the same command again at any time: what is done is not done again, and a run that was
killed is taken up where it stopped.

exit codes: 0 every scan has an outcome; 1 some have none yet; 2 wrong usage or configuration, nothing was done"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb `restore`."""
    parser = subparsers.add_parser(
        "restore",
        help="restore a folder or bucket of scans: the whole way",
        description="Finds the damage on every scan below SRC, fills it, measures, and reports what was done.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("source", metavar="SRC", help="folder or URI (s3://bucket/prefix) with scans; never written")
    add("target", metavar="DST", help="folder or URI for results; paths below it are those below SRC")
    add("--masks", metavar="DIR", help="painted masks, paired by path and stem (white = damaged)")
    add(
        "--mask-mode",
        choices=("replace", "add", "protect"),
        help="a painted mask stands for what is found (default), is added to it, or is never touched",
    )
    add("--originals", metavar="DIR", help="undamaged originals, paired alike: figures are then true ones")
    add("--recipe", metavar="FILE", type=Path, help="YAML with detector, thresholds, engine and weights")
    add("--limit", metavar="N", type=_count, help="take N scans at most; the next run goes on")
    add("--since", metavar="DATE", help="only files changed since, e.g. 2026-11-20 or 2026-11-20T18:00")
    add("--redo", action="store_true", help="restore also what is done with this recipe")
    add("--title", default="", help="name for the report (default: SRC's)")
    add("--language", choices=("en", "de"), default="en", help="of the report")
    add("--ledger", metavar="URL", help="SQLAlchemy URL or file (default: RESTORATION_LEDGER_URL, else DST/ledger.db)")
    add("--json", action="store_true", help="print one JSON object as the last line")
    parser.set_defaults(run=run)


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def run(arguments: argparse.Namespace) -> int:
    """Restore, print the summary, and return the exit code."""
    from pipeline.settings import settings
    from pipeline.stages.local_run import RunOptions, restore

    refuse_overlap(arguments.target, arguments.source, arguments.masks, arguments.originals)
    started = time.monotonic()
    collection = _collection(arguments)
    use_ledger(ledger_of(collection.output, arguments.ledger))
    summary = RunSummary(collection.output, _without_password(settings().ledger_url))
    options = RunOptions(arguments.limit, arguments.since, arguments.redo, show_progress=not arguments.verbose)
    restore(collection, options, summary)
    summary.seconds = round(time.monotonic() - started, 2)
    if arguments.json:
        print(json.dumps(vars(summary)))
    else:
        from pipeline.cli.run_summary_console import tell

        tell(summary)
    return 1 if summary.elsewhere else 0


def _collection(arguments: argparse.Namespace) -> Collection:
    """Return the collection that the arguments describe.

    Raises:
        ConfigurationError: the recipe is wrong.
    """
    import hashlib

    from pipeline.settings import Collection, MaskMode, Recipe, load_recipe

    inbox, output = place(arguments.source), place(arguments.target)
    recipe = load_recipe(arguments.recipe) if arguments.recipe else Recipe()
    changes = {"mask_mode": MaskMode(arguments.mask_mode)} if arguments.mask_mode else {}
    # Names in the output belong to a collection, so every output place is one of its own.
    name = f"shell-{hashlib.sha256(output.rstrip('/').encode()).hexdigest()[:12]}"
    return Collection(
        name=name,
        title=arguments.title or inbox.rstrip("/").rpartition("/")[2],
        inbox=inbox,
        output=output,
        masks=place(arguments.masks) if arguments.masks else None,
        originals=place(arguments.originals) if arguments.originals else None,
        schedule=None,
        language=arguments.language,
        recipe=recipe.model_copy(update=changes),
        batch_scans=10**9,
    )


def _without_password(url: str) -> str:
    from sqlalchemy.engine import make_url

    return make_url(url).render_as_string(hide_password=True)
