"""`bag OUTPUT DST`: write a BagIt bag of results."""

from __future__ import annotations

import click

from pipeline.cli.arguments import json_option, ledger_option, target_argument
from pipeline.cli.console import print_json, progress_bar, stderr_console
from pipeline.cli.uris import as_uri, existing_ledger_url
from pipeline.cli.values import PLACE
from pipeline.cli.verbs import Verb
from pipeline.errors import ConfigurationError

EPILOG = """\
The bag (RFC 8493) holds restored/, masks/, suggestions/, sidecars/ and reports/ as they lie in OUTPUT, masters/ as they
were received, and metadata/preservation/premis.xml with the history of every scan. Each file is compared with the
ledger's checksum while it is copied. A bag appears when it is whole; the same command goes on with one that was
interrupted. Derivatives that a person has rejected are left out.

exit codes: 0 done; 1 files are missing or changed (named), or a store did not answer; the bag is not finished; 2 DST is
not empty, or there is nothing to put into a bag

examples: bag /srv/restored/plates /srv/handover/plates-2026 --mets
          bag /srv/restored/plates s3://handover/b17 --batch 2026-11-30 --masters fetch"""


@click.command(cls=Verb, epilog=EPILOG)
@click.argument("output", metavar="OUTPUT", type=PLACE)
@target_argument("folder or URI of the bag, which must not exist or be empty")
@click.option("--batch", metavar="NAME", default="", help="results and reports of one batch (default: all there are)")
@click.option("--collection", default="", help="which one, where several publish in OUTPUT")
@click.option(
    "--masters",
    type=click.Choice(("copy", "fetch", "none")),
    default="copy",
    help="copies of the masters (default), their places in fetch.txt, or none",
)
@click.option("--mets", is_flag=True, help="also write METS.xml around it, after E-ARK CSIP")
@click.option("--sha512", is_flag=True, help="also write manifests of SHA-512")
@ledger_option
@json_option
def command(
    output: str,
    target: str,
    batch: str,
    collection: str,
    masters: str,
    mets: bool,
    sha512: bool,
    ledger: str | None,
    as_json: bool,
) -> int:
    """Write a BagIt bag of the results in OUTPUT to DST."""
    from pipeline.cli.sizes import format_bytes
    from pipeline.escape import visible
    from pipeline.ledger.migrate import upgrade
    from pipeline.preservation.bag import Masters, write_bag
    from pipeline.upkeep.outputs import outputs_at

    origin = as_uri(output).rstrip("/")
    opened = upgrade(existing_ledger_url(ledger, f"{origin}/x"))
    found = [one for one in outputs_at(opened, origin) if collection in ("", one.collection)]
    if len(found) != 1:
        names = ", ".join(one.collection for one in outputs_at(opened, origin))
        raise ConfigurationError(f"{origin} has results of {names}: name one with --collection")
    with progress_bar(stderr_console()) as bar:
        task = bar.add_task(found[0].collection, total=None)
        bag = write_bag(
            opened,
            found[0],
            as_uri(target).rstrip("/"),
            batch=batch,
            masters=Masters(masters),
            sha512=sha512,
            mets=mets,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if as_json:
        figures = {"scans": bag.scans, "files": bag.files, "bytes": bag.bytes, "left_out": bag.left_out}
        print_json({"bag": bag.uri, **figures})
        return 0
    print(f"{visible(bag.uri)}: {bag.scans:,} scans, {bag.files:,} files, {format_bytes(bag.bytes)}")
    if bag.left_out:
        print(f"  {bag.left_out:,} scans were replaced meanwhile and left out: they belong to the next bag")
    return 0
