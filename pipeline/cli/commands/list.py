"""`list`: list scans by outcome, reason and time, across collections and batches."""

from __future__ import annotations

import click

from pipeline.cli.arguments import json_option, ledger_option
from pipeline.cli.console import NothingDone, print_json
from pipeline.cli.moments import parse_moment
from pipeline.cli.uris import existing_ledger_url
from pipeline.cli.verbs import Verb

# What a person has to see to; the other outcomes are plain.
DEFAULT_OUTCOMES = ("review", "quarantined", "failed")
OUTCOMES = ("restored", "unchanged", *DEFAULT_OUTCOMES)
DEFAULT_SINCE = "7d"
EPILOG = """\
Without options: what was sent to review, quarantined or failed in the last seven days and still is. An outcome that a
later run has replaced is listed only when its batch is named.

exit codes: 0 done, also when there is nothing to list; 2 wrong usage, or there is no ledger

examples: list --since 12h                              what went wrong last night
          list --outcome quarantined --reason truncated --since all --csv
          list --collection plates --batch 2026-11-20T020000Z-1a2b3c --outcome all"""


@click.command(cls=Verb, epilog=EPILOG)
@click.option(
    "--outcome",
    "outcomes",
    type=click.Choice((*OUTCOMES, "all")),
    multiple=True,
    help="may be repeated (default review, quarantined and failed)",
)
@click.option(
    "--reason", "reasons", multiple=True, help="code such as truncated, or words of the reason; may be repeated"
)
@click.option("--since", metavar="WHEN", help="date, time, or 12h, 7d, 2w ago, or all (default 7d; with --batch all)")
@click.option("--collection", default="", help="only this collection")
@click.option("--batch", default="", help="only this batch, with outcomes that were replaced since")
@click.option("--limit", type=click.IntRange(min=1), default=200, help="scans at most, the latest (default 200)")
@click.option(
    "--csv", "as_csv", is_flag=True, help="print CSV, with all columns and without a limit unless it is given"
)
@ledger_option
@json_option
@click.pass_context
def command(
    context: click.Context,
    outcomes: tuple[str, ...],
    reasons: tuple[str, ...],
    since: str | None,
    collection: str,
    batch: str,
    limit: int,
    as_csv: bool,
    ledger: str | None,
    as_json: bool,
) -> int:
    """List scans by outcome, reason and time, across collections and batches."""
    from pipeline.cli.list_console import listed_as_json, print_listed, print_listed_csv
    from pipeline.ledger.listing import OutcomeFilter, count_outcomes, find_outcomes
    from pipeline.ledger.migrate import upgrade

    if as_csv and as_json:
        context.fail("--csv and --json: give only one of them.")
    given = since or ("all" if batch else DEFAULT_SINCE)
    try:
        moment = None if given == "all" else parse_moment(given)
    except ValueError as error:
        raise NothingDone(f"--since: {error}") from error
    chosen = () if "all" in outcomes else outcomes or DEFAULT_OUTCOMES
    wanted = OutcomeFilter(chosen, reasons, moment, collection, batch)
    machine = as_csv or as_json
    most = None if machine and context.get_parameter_source("limit") is click.core.ParameterSource.DEFAULT else limit
    with upgrade(existing_ledger_url(ledger)).read() as session:
        found = find_outcomes(session, wanted, most)
        counts = count_outcomes(session, OutcomeFilter((), reasons, moment, collection, batch))
    if as_csv:
        print_listed_csv(found)
    elif as_json:
        print_json(
            {
                "since": moment.isoformat() if moment else None,
                "counts": counts,
                "scans": [listed_as_json(*one) for one in found],
            }
        )
    else:
        print_listed(found, counts, chosen, moment)
    return 0
