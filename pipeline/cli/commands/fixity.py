"""`fixity OUTPUT`: read masters and results again and compare them with the ledger's checksums."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipeline.cli.arguments import json_option, ledger_option
from pipeline.cli.console import print_error, print_json, progress_bar, stderr_console
from pipeline.cli.uris import as_uri, existing_ledger_url
from pipeline.cli.values import ABOVE_ZERO, PLACE
from pipeline.cli.verbs import Verb

if TYPE_CHECKING:
    from pipeline.ledger.database import Ledger
    from pipeline.preservation.fixity_round import Round
    from pipeline.upkeep.outputs import Output

EPILOG = """\
Read are the masters and the derivatives, masks, suggestions and sidecars that were last published; the scans that were
not read for the longest time come first. Every scan gets a PREMIS event `fixity check` in the ledger. A check that was
interrupted goes on where it was when the same command is given again. A master that has been said to be missing is not
counted as an error again: archives move masters away.

exit codes: 0 everything is as recorded; 1 a file differs, is missing or cannot be read (the first hundred are named; -v
names all as they are found), or a store did not answer; 2 the ledger does not know the output

examples: fixity /srv/restored/plates --sample 5% --bandwidth 20
          fixity s3://archive/restored --json"""


class Sample(click.ParamType[float]):
    """A number of scans, or a share of them: `200`, `5%`, `0.05`."""

    name = "sample"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text = str(value).strip()
        try:
            number = float(text.removesuffix("%")) / 100 if text.endswith("%") else float(text)
        except ValueError:
            number = -1.0
        if number >= 1 and text.endswith("%"):
            self.fail("100% or more are all scans: write --full.", param, ctx)
        if not 0 < number < 1e12 or (number > 1 and number != int(number)):
            self.fail(f"{text!r} is neither a number of scans nor a share such as 5%.", param, ctx)
        return number


@click.command(cls=Verb, epilog=EPILOG)
@click.argument("output", metavar="OUTPUT", type=PLACE)
@click.option("--sample", metavar="N|SHARE", type=Sample(), help="scans to read: a number, or a share such as 5%")
@click.option("--full", is_flag=True, help="read all of them (default)")
@click.option("--bandwidth", metavar="MB/S", type=ABOVE_ZERO, help="megabytes per second at most (default: no limit)")
@click.option("--masters/--no-masters", default=True, help="also read the masters (default)")
@ledger_option
@json_option
def command(
    output: str,
    sample: float | None,
    full: bool,
    bandwidth: float | None,
    masters: bool,
    ledger: str | None,
    as_json: bool,
) -> int:
    """Read masters and results in OUTPUT again, and name every file that is not as the ledger has it."""
    from pipeline.ledger.migrate import upgrade
    from pipeline.preservation.fixity_notice import summary
    from pipeline.preservation.fixity_round import end_round
    from pipeline.upkeep.outputs import outputs_at

    if full and sample is not None:
        raise click.UsageError("--full and --sample: give only one of them.")
    uri = as_uri(output).rstrip("/")
    opened = upgrade(existing_ledger_url(ledger, f"{uri}/x"))
    rounds = []
    for one in outputs_at(opened, uri):
        done = _check(opened, one, sample, bandwidth, masters)
        for finding in done.found.named:
            print_error("fixity", _line(finding))
        end_round(opened, done)
        rounds.append(done)
    if as_json:
        print_json({"collections": [summary(done) for done in rounds]})
    else:
        for done in rounds:
            _print(done)
    return 1 if any(done.found.failing for done in rounds) else 0


def _check(ledger: Ledger, output: Output, sample: float | None, bandwidth: float | None, masters: bool) -> Round:
    from pipeline.preservation.fixity_round import check_output

    with progress_bar(stderr_console()) as bar:
        task = bar.add_task(output.collection, total=None)
        return check_output(
            ledger,
            output,
            sample=sample,
            bandwidth=bandwidth,
            masters=masters,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )


def _line(finding: dict[str, str]) -> str:
    from pipeline.escape import visible

    said = {"differs": f"is {finding['found']}, not {finding['sha256']}", "missing": "is missing"}
    what = said.get(finding["problem"], f"cannot be read ({finding['detail']})")
    return f"{visible(finding['path'])}: {finding['role']} {visible(finding['uri'])} {what}"


def _print(done: Round) -> None:
    from pipeline.cli.sizes import format_bytes

    found = done.found
    going_on = ", going on with an earlier check" if done.resumed else ""
    print(f"{done.collection}: {found.scans:,} scans, {found.files:,} files, {format_bytes(found.bytes)}{going_on}")
    print(f"  {found.differs:,} differ, {found.missing:,} missing, {found.unreadable:,} unreadable")
    if found.busy:
        print(f"  {found.busy:,} scans left out: a run works on them")
    if rest := found.failing - len(found.named):
        print(f"  {rest:,} more of these are not named here: `trace` shows what is wrong with a scan, and so does -v")
    known = found.differs + found.missing + found.unreadable - found.failing
    if known:
        print(f"  {known:,} masters are missing or unreadable as before")
