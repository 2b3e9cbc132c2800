"""`move OLD NEW`: tell the ledger that an output was moved."""

from __future__ import annotations

import click

from pipeline.cli.arguments import ledger_option
from pipeline.cli.console import print_error
from pipeline.cli.uris import as_uri, existing_ledger_url
from pipeline.cli.verbs import Verb

# Names of missing files that are printed.
NAMED = 10
EPILOG = """\
Copy the output first (rsync -a, aws s3 sync), then run this, then change `output:` of the collection. No file is
written, moved or deleted; the old place can be removed afterwards. Nothing is recorded unless every file that the
ledger names has arrived.

exit codes: 0 recorded; 1 files are missing at NEW, nothing was recorded; 2 the ledger knows no output OLD, or a batch
is under way in it

examples: move /srv/restored/plates s3://archive/restored/plates
          move /srv/old /srv/new --checksums"""


@click.command(cls=Verb, epilog=EPILOG)
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.option("--checksums", is_flag=True, help="also read every file at NEW and compare its sha256")
@click.option("--missing-ok", is_flag=True, help="record it although files are missing, e.g. deleted on purpose")
@ledger_option
def command(old: str, new: str, checksums: bool, missing_ok: bool, ledger: str | None) -> int:
    """Record in the ledger that the output OLD now lies at NEW."""
    from pipeline.escape import visible
    from pipeline.ledger.migrate import upgrade
    from pipeline.upkeep.move import check_moved, move

    opened = upgrade(existing_ledger_url(ledger))
    origin, target = (as_uri(place).rstrip("/") for place in (old, new))
    found = check_moved(opened, origin, target, checksums=checksums)
    if found.missing and not missing_ok:
        how = "missing or different" if checksums else "missing"
        print_error("move", f"{len(found.missing)} of {found.files} files are {how} at {target}; nothing was recorded:")
        for name in found.missing[:NAMED]:
            print_error("move", f"  {visible(name)}")
        return 1
    move(opened, origin, target)
    print(f"{found.files} files recorded at {target}; now set `output: {target}` in the collections file")
    return 0
