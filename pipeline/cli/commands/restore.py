"""`restore SRC DST`: run all stages without Airflow."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Literal

import click

from pipeline.cli.arguments import (
    json_option,
    language_option,
    mask_mode_option,
    masks_option,
    source_argument,
    target_argument,
)
from pipeline.cli.console import print_json
from pipeline.cli.uris import as_uri, ledger_url, use_ledger
from pipeline.cli.values import PATH, PLACE
from pipeline.cli.verbs import Verb

EPILOG = """\
Below DST: restored/, masks/, suggestions/, sidecars/, quarantine/, reports/ and, unless another is named, ledger.db.
Masters are only read. The same command can be run again at any time: finished scans are skipped, and a run that was
killed continues where it stopped.

exit codes: 0 every scan has an outcome; 1 some have none yet; 2 wrong usage or configuration, nothing was done

examples: restore scans/ results/
          restore s3://archive/inbox s3://archive/results --recipe recipe.yaml --ledger postgresql://host/ledger"""


@click.command(cls=Verb, epilog=EPILOG)
@source_argument("folder or URI (s3://bucket/prefix) with scans; never written")
@target_argument("folder or URI for results; paths below it are those below SRC")
@masks_option
@mask_mode_option
@click.option("--originals", metavar="DIR", type=PLACE, help="undamaged originals, paired alike, for true figures")
@click.option("--recipe", metavar="FILE", type=PATH, help="YAML with detector, thresholds, engine and weights")
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="take N scans at most; the next run continues")
@click.option("--since", metavar="DATE", help="only files changed since, e.g. 2026-11-20 or 2026-11-20T18:00")
@click.option("--redo", is_flag=True, help="also restore scans that are finished with this recipe")
@click.option("--title", default="", help="name for the report (default: SRC's)")
@language_option
@click.option(
    "--ledger", metavar="URL", help="SQLAlchemy URL or file (default: RESTORATION_LEDGER_URL, else DST/ledger.db)"
)
@json_option
@click.pass_context
def command(
    context: click.Context,
    source: str,
    target: str,
    masks: str | None,
    mask_mode: str | None,
    originals: str | None,
    recipe: Path | None,
    limit: int | None,
    since: str | None,
    redo: bool,
    title: str,
    language: Literal["en", "de"],
    ledger: str | None,
    as_json: bool,
) -> int:
    """Find the damage on every scan below SRC, fill it, measure, and report what was done."""
    from pipeline import storage
    from pipeline.settings import Collection, MaskMode, Recipe, load_recipe, settings
    from pipeline.stages.local_run import RunOptions, restore
    from pipeline.stages.run_summary import RunSummary

    storage.refuse_overlap(target, source, masks, originals)
    started = time.monotonic()
    inbox, output = as_uri(source), as_uri(target)
    changes = {"mask_mode": MaskMode(mask_mode)} if mask_mode else {}
    collection = Collection(
        # Names in the output belong to a collection, so every output has its own collection.
        name=f"shell-{hashlib.sha256(output.rstrip('/').encode()).hexdigest()[:12]}",
        title=title or inbox.rstrip("/").rpartition("/")[2],
        inbox=inbox,
        output=output,
        masks=as_uri(masks) if masks else None,
        originals=as_uri(originals) if originals else None,
        schedule=None,
        language=language,
        recipe=(load_recipe(recipe) if recipe else Recipe()).model_copy(update=changes),
        batch_scans=10**9,
    )
    url = ledger_url(output, ledger)
    if ledger and url.startswith("sqlite:///"):
        storage.refuse_overlap(url.removeprefix("sqlite:///"), source, masks, originals)
    use_ledger(url)
    summary = RunSummary(output, _without_password(settings().ledger_url))
    verbose = context.find_root().params["verbose"]
    restore(collection, RunOptions(limit, since, redo, show_progress=not verbose), summary)
    summary.seconds = round(time.monotonic() - started, 2)
    if as_json:
        print_json(vars(summary))
    else:
        from pipeline.cli.run_summary_console import print_run_summary

        print_run_summary(summary)
    return 1 if summary.elsewhere else 0


def _without_password(url: str) -> str:
    from pipeline.ledger.database import open_engine

    return open_engine(url).url.render_as_string(hide_password=True)
