"""`simulate SRC DST`: damaged, aged copies of clean pictures, with their true masks."""

from __future__ import annotations

import argparse
import json
import sys
import time
import zlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from pipeline import storage
from pipeline.cli.per_scan import each, opened, said
from pipeline.cli.uris import refuse_overlap
from pipeline.errors import (
    ConfigurationError,
    Reason,
    StoreUnavailable,
    UnreadableScan,
)

if TYPE_CHECKING:
    from pipeline.simulation import ArtefactBank
    from pipeline.storage import Entry

EPILOG = """\
exit codes: 0 every picture has a damaged copy; 1 some could not be read (named above); 2 nothing was done

Below DST: damaged/ (what a scanner would deliver), originals/ (the same, aged alike, without the damage: the truth to
compare a restoration with), masks/ (255 = damage that can be seen). The same seed and path give the same damage."""


@dataclass
class Summary:
    """What a run did, printed with `--json`."""

    pictures: int = 0
    damaged: int = 0
    failed: list[dict[str, str]] = field(default_factory=list)
    coverage: float = 0.0
    kinds: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb `simulate`."""
    parser = subparsers.add_parser(
        "simulate",
        help="write damaged copies of clean pictures with true masks",
        description="Draws dust, hairs, scratches, cracks, tears and the like over copies of every picture below SRC.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", metavar="SRC", help="folder, file or URI with clean pictures; never written")
    parser.add_argument("target", metavar="DST", help="folder or URI for damaged/, originals/ and masks/")
    parser.add_argument("--seed", type=int, default=1, help="another seed draws other damage (default 1)")
    parser.add_argument("--severity", type=float, default=1.0, help="0.3 some specks, 1 worn (default), 2 a wreck")
    parser.add_argument(
        "--ageing", type=float, default=0.7, help="fading, yellowing, grain: 0 none, 1 as in most albums"
    )
    parser.add_argument(
        "--kinds", help="comma-separated kinds to draw, e.g. dust,scratch,tear (default: as met in life)"
    )
    parser.add_argument(
        "--halftone", type=float, default=0.0, metavar="SHARE", help="share of pictures printed in dots (default 0)"
    )
    parser.add_argument("--artefacts", type=Path, help="folder of scanned artefacts (hair/, dirt/, …) to draw on too")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the copies; return the exit code."""
    from pipeline.simulation import KINDS, ArtefactBank

    console = Console(stderr=True)
    refuse_overlap(arguments.target, arguments.source, str(arguments.artefacts) if arguments.artefacts else None)
    started = time.monotonic()
    summary = Summary()
    kinds = [kind.strip() for kind in arguments.kinds.split(",") if kind.strip()] if arguments.kinds else None
    try:
        unknown = set(kinds or ()) - KINDS.keys()
        if unknown:
            raise ConfigurationError(f"unknown kind {', '.join(sorted(unknown))}; known are {', '.join(KINDS)}")
        if not 0 <= arguments.halftone <= 1:
            raise ConfigurationError("--halftone is a share between 0 and 1")
        if arguments.severity < 0 or arguments.ageing < 0 or arguments.seed < 0:
            raise ConfigurationError("--severity, --ageing and --seed cannot be negative")
        if arguments.artefacts and not arguments.artefacts.is_dir():
            raise ConfigurationError(f"{arguments.artefacts} is no folder")
        bank = ArtefactBank.load(arguments.artefacts) if arguments.artefacts else None
        entries = [entry for entry in storage.list_files(arguments.source) if storage.has_image_suffix(entry.path)]
        storage.check_writable(arguments.target)
    except (ConfigurationError, StoreUnavailable, OSError) as error:
        print(f"simulate: {said(error)}", file=sys.stderr)
        return 2
    if not entries:
        print(f"simulate: no pictures below {arguments.source}", file=sys.stderr)
        return 2
    summary.pictures = len(entries)

    def one(entry: Entry, name: str) -> None:
        _one(entry, name, arguments, kinds, bank, summary)

    try:
        summary.failed = each("damage", entries, "", one, console)
    except StoreUnavailable as error:
        console.print(f"simulate: {said(error)}", markup=False, highlight=False)
        return 2
    summary.coverage = round(summary.coverage / max(1, summary.damaged), 5)
    summary.seconds = round(time.monotonic() - started, 3)
    if arguments.json:
        print(json.dumps(vars(summary), ensure_ascii=True))
    else:
        print(
            f"{summary.damaged} pictures damaged over {summary.coverage:.1%} of their area on average, "
            f"{len(summary.failed)} failed, {summary.seconds:.1f} s"
        )
    return 1 if summary.failed else 0


def _one(
    entry: Entry, name: str, arguments: argparse.Namespace, kinds: list[str] | None, bank: ArtefactBank | None,
    summary: Summary,
) -> None:  # fmt: skip
    """Write one picture's damaged copy, original and mask."""
    import numpy as np

    from pipeline import scans
    from pipeline.masks.encode import encode_mask
    from pipeline.simulation import simulate

    scan = opened(entry)
    if scan.mode == "CMYK":
        raise UnreadableScan(Reason.UNSUPPORTED, "is in CMYK; damage is drawn in RGB and grey: convert it first")
    # Each picture draws from its own stream, so that a neighbour more or less changes nothing.
    rng = np.random.default_rng((arguments.seed, zlib.crc32(entry.path.encode())))
    result = simulate(
        scan.pixels,
        rng,
        kinds,
        arguments.severity,
        ageing=arguments.ageing,
        halftone=arguments.halftone,
        bank=bank,
    )
    extension = scans.output_extension(scan)
    for folder, pixels in (("damaged", result.pixels), ("originals", result.original)):
        target = storage.join(arguments.target, folder, *f"{name}{extension}".split("/"))
        storage.write_bytes(target, scans.encode(replace(scan, pixels=pixels), extension))
    storage.write_bytes(storage.join(arguments.target, "masks", *f"{name}.png".split("/")), encode_mask(result.mask))
    summary.damaged += 1
    summary.coverage += float(np.count_nonzero(result.mask)) / result.mask.size
    for kind in result.kinds:
        summary.kinds[kind] = summary.kinds.get(kind, 0) + 1
