"""`simulate SRC DST`: write damaged, aged copies of clean pictures, with their true masks."""

from __future__ import annotations

import time
import zlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.arguments import artefacts_option, json_option, overwrite_option, source_argument, target_argument
from pipeline.cli.console import NothingDone, nothing_done_on_error, print_json, stderr_console
from pipeline.cli.own_files import OwnFiles
from pipeline.cli.per_scan import process_each, read_scan, target_names
from pipeline.cli.values import Number
from pipeline.cli.verbs import Verb
from pipeline.errors import Reason, StoreUnavailable, UnreadableScan
from pipeline.escape import error_line
from pipeline.imaging.suffixes import has_image_suffix

if TYPE_CHECKING:
    from pipeline.simulation import ArtefactBank
    from pipeline.storage import Entry

EPILOG = """\
exit codes: 0 every picture has a damaged copy; 1 some could not be read (named above); 2 nothing was done

Below DST: damaged/ (what a scanner would deliver), originals/ (the same ageing without the damage: the truth to compare
a restoration with), masks/ (255 = damage that can be seen). The same seed and path give the same damage.

example: simulate photos/ test-set/ --seed 7 --kinds dust,scratch"""


PICTURES = ("damaged", "originals")


@dataclass
class SimulationSummary:
    """What a run did, printed with `--json`."""

    pictures: int = 0
    damaged: int = 0
    failed: list[dict[str, str]] = field(default_factory=list)
    coverage: float = 0.0
    kinds: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class _Damage:
    """What is drawn on the pictures."""

    seed: int
    severity: float
    ageing: float
    halftone: float
    kinds: list[str] | None
    artefacts: ArtefactBank | None


@click.command(cls=Verb, epilog=EPILOG)
@source_argument("folder, file or URI with clean pictures; never written")
@target_argument("folder or URI for damaged/, originals/ and masks/")
@click.option("--seed", type=int, default=1, help="another seed draws other damage (default 1)")
@click.option("--severity", type=Number(min=0), default=1.0, help="0.3 some specks, 1 worn (default), 2 very damaged")
@click.option(
    "--ageing",
    type=Number(min=0),
    default=0.7,
    help="fading, yellowing, grain: 0 none, 1 as in many albums (default .7)",
)
@click.option("--kinds", help="comma-separated kinds to draw, e.g. dust,scratch,tear (default: a realistic mix)")
@click.option(
    "--halftone", type=Number(), default=0.0, metavar="SHARE", help="share of pictures printed in dots (default 0)"
)
@artefacts_option("folder of scanned artefacts (hair/, dirt/, …) to draw on too")
@overwrite_option
@json_option
def command(
    source: str,
    target: str,
    seed: int,
    severity: float,
    ageing: float,
    kinds: str | None,
    halftone: float,
    artefacts: Path | None,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Draw dust, hairs, scratches, cracks, tears and the like over copies of every picture below SRC."""
    from pipeline import storage
    from pipeline.simulation import KINDS, ArtefactBank

    storage.refuse_overlap(target, source, str(artefacts) if artefacts else None)
    started = time.monotonic()
    names = [kind.strip() for kind in kinds.split(",") if kind.strip()] if kinds else None
    if unknown := set(names or ()) - KINDS.keys():
        raise NothingDone(f"unknown kind {', '.join(sorted(unknown))}; known are {', '.join(KINDS)}")
    if not 0 <= halftone <= 1:
        raise NothingDone("--halftone is a share between 0 and 1")
    if severity < 0 or ageing < 0 or seed < 0:
        raise NothingDone("--severity, --ageing and --seed cannot be negative")
    if artefacts and not artefacts.is_dir():
        raise NothingDone(f"{artefacts} is not a folder")
    with nothing_done_on_error():
        bank = ArtefactBank.load(artefacts) if artefacts else None
        entries = [entry for entry in storage.list_files(source) if has_image_suffix(entry.path)]
        storage.check_writable(target)
    if not entries:
        raise NothingDone(f"no pictures below {source}")
    paths = target_names(entries, "")
    pictures = [f"{folder}/{path}{suffix}" for folder in PICTURES for path in paths for suffix in (".png", ".tif")]
    masks = [f"masks/{path}.png" for path in paths]
    storage.refuse_linked_folders(target, [*pictures, *masks], source)
    own = OwnFiles(target, [*pictures, *masks], overwrite=overwrite)
    damage = _Damage(seed, severity, ageing, halftone, names, bank)
    summary = SimulationSummary(pictures=len(entries))

    def process(entry: Entry, name: str) -> None:
        _write_damaged(entry, own, name, damage, summary)

    try:
        summary.failed = process_each("damage", entries, "", process, stderr_console())
    except StoreUnavailable as error:
        raise NothingDone(error_line(error)) from error
    summary.coverage = round(summary.coverage / max(1, summary.damaged), 5)
    summary.seconds = round(time.monotonic() - started, 3)
    if as_json:
        print_json(vars(summary))
    else:
        print(
            f"{summary.damaged} pictures damaged over {summary.coverage:.1%} of their area on average, "
            f"{len(summary.failed)} failed, {summary.seconds:.1f} s"
        )
    return 1 if summary.failed else 0


def _write_damaged(entry: Entry, own: OwnFiles, name: str, damage: _Damage, summary: SimulationSummary) -> None:
    """Write one picture's damaged copy, original and mask, and add to the summary."""
    import numpy as np

    from pipeline import scans
    from pipeline.masks.encode import encode_mask
    from pipeline.simulation import simulate

    scan = read_scan(entry)
    if scan.mode == "CMYK":
        raise UnreadableScan(Reason.UNSUPPORTED, "is in CMYK; damage is drawn in RGB and grey: convert it first")
    # Each picture draws from its own stream, so that adding or removing another changes nothing.
    rng = np.random.default_rng((damage.seed, zlib.crc32(entry.path.encode())))
    result = simulate(
        scan.pixels,
        rng,
        damage.kinds,
        damage.severity,
        ageing=damage.ageing,
        halftone=damage.halftone,
        bank=damage.artefacts,
    )
    extension = scans.output_extension(scan)
    for folder, pixels in zip(PICTURES, (result.pixels, result.original), strict=True):
        own.write(f"{folder}/{name}{extension}", scans.encode(replace(scan, pixels=pixels), extension))
    own.write(f"masks/{name}.png", encode_mask(result.mask))
    summary.damaged += 1
    summary.coverage += float(np.count_nonzero(result.mask)) / result.mask.size
    for kind in result.kinds:
        summary.kinds[kind] = summary.kinds.get(kind, 0) + 1
