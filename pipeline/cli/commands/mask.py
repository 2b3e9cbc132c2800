"""`mask SRC DST`: a mask for every scan, as an unattended night would fill it."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from rich.console import Console

from pipeline import storage
from pipeline.cli.per_scan import each, opened, said
from pipeline.cli.uris import place, refuse_overlap
from pipeline.errors import (
    ConfigurationError,
    StoreUnavailable,
    WeightsError,
)

if TYPE_CHECKING:
    from pipeline.detection.types import Detector
    from pipeline.inbox.companions import CompanionFiles
    from pipeline.settings import Recipe
    from pipeline.storage import Entry

EPILOG = """\
exit codes: 0 every scan has a mask; 1 some could not be read (named above); 2 nothing was done

A scan with a painted mask beside it (photo.jpg and photo.mask.png) gets that mask, or both masks with --mask-mode add.
What is painted in photo.protect.png is never marked. An infrared plane (photo.ir.tif, SilverFast's second page,
VueScan's fourth channel) decides what is repaired where it is of use. A scan that a person has to look at first (too
much damage, or damage on a face or on text) is named, and its mask is empty at the level repair. Masks are PNG, of the
scan's size, 255 = damaged. Of two scans of one stem the later one's mask keeps its ending: photo.tif.png."""


@dataclass
class Summary:
    """What a run did, printed with `--json`."""

    scans: int = 0
    masked: int = 0
    empty: int = 0
    painted: int = 0
    review: list[dict[str, str]] = field(default_factory=list)
    failed: list[dict[str, str]] = field(default_factory=list)
    megapixels: float = 0.0
    seconds: float = 0.0


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb `mask`."""
    parser = subparsers.add_parser(
        "mask",
        help="find damage on every scan and write masks",
        description="Writes DST/STEM.png for every scan below SRC: 255 = damaged, 0 = intact.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", metavar="SRC", help="folder, file or URI with scans; never written")
    parser.add_argument("target", metavar="DST", help="folder or URI for masks; paths below it are those below SRC")
    parser.add_argument(
        "--level",
        choices=("repair", "suggest"),
        default="repair",
        help="repair: what would be filled unseen (default); suggest: also what a reviewer would be offered",
    )
    parser.add_argument("--detector", default=None, help="classical, learned or none (default: as in recipes)")
    parser.add_argument("--precision", type=float, default=None, help="wanted of what is repaired (default 0.95)")
    parser.add_argument("--sensitivity", type=float, default=None, help="above 1 finds more, rightly or wrongly")
    parser.add_argument("--dilate", type=int, default=None, help="pixels added around what is found")
    parser.add_argument("--masks", metavar="DIR", help="painted masks, paired by path and stem, besides those in SRC")
    parser.add_argument(
        "--mask-mode",
        choices=("replace", "add", "protect"),
        default=None,
        help="a painted mask stands for what is found (default), is added to it, or is never touched",
    )
    parser.add_argument("--no-infrared", action="store_true", help="do not look at a scanner's infrared plane")
    parser.add_argument("--no-face-guard", action="store_true", help="mark damage on faces too, without a review")
    parser.add_argument("--no-text-guard", action="store_true", help="mark damage on text too, without a review")
    devices, backends = ("auto", "cpu", "cuda"), ("auto", "torch", "openvino")
    parser.add_argument("--device", choices=devices, default="auto", help="where a detector's network runs")
    parser.add_argument("--backend", choices=backends, default="auto", help="what runs a detector's network")
    parser.add_argument("--explain", action="store_true", help="write DST/STEM.json beside each mask: every piece, why")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the masks; return the exit code."""
    from pipeline.detection.load import load_detector
    from pipeline.inbox.companions import CompanionIndex, is_companion, list_optional
    from pipeline.settings import Recipe

    console = Console(stderr=True)
    refuse_overlap(arguments.target, arguments.source, arguments.masks)
    started = time.monotonic()
    summary = Summary()
    try:
        names = ("detector", "precision", "sensitivity", "dilate", "mask_mode", "level")
        given = {name: value for name in names if (value := getattr(arguments, name)) is not None}
        given |= {"face_guard": not arguments.no_face_guard, "text_guard": not arguments.no_text_guard}
        given["infrared"] = not arguments.no_infrared
        recipe = Recipe.model_validate(given)
        detector = load_detector(recipe.detector.value, device=arguments.device, backend=arguments.backend)
        entries = list(storage.list_files(arguments.source))
        masks = place(arguments.masks) if arguments.masks else None
        companions = CompanionIndex((entry for entry in entries if is_companion(entry.path)), list_optional(masks))
        storage.check_writable(arguments.target)
    except (ConfigurationError, WeightsError, StoreUnavailable, OSError, ValueError) as error:
        print(f"mask: {said(error)}", file=sys.stderr)
        return 2
    scans = [entry for entry in entries if not is_companion(entry.path) and storage.has_image_suffix(entry.path)]
    if not scans:
        print(f"mask: no scans below {arguments.source}", file=sys.stderr)
        return 2
    summary.scans = len(scans)

    def one(entry: Entry, name: str) -> None:
        _one(entry, name, companions.of(entry.path), detector, recipe, arguments, summary)

    try:
        summary.failed = each("masks", scans, ".png", one, console)
    except StoreUnavailable as error:
        console.print(f"mask: {said(error)}", markup=False, highlight=False)
        return 2
    summary.seconds = round(time.monotonic() - started, 3)
    summary.megapixels = round(summary.megapixels, 3)
    if arguments.json:
        print(json.dumps(vars(summary), ensure_ascii=True))
    else:
        counts = f"{summary.empty} empty, {summary.painted} painted, {len(summary.review)} to review"
        work = f"{summary.megapixels:.1f} megapixels in {summary.seconds:.1f} s"
        print(f"{summary.masked} masks ({counts}), {len(summary.failed)} failed, {work}")
    return 1 if summary.failed else 0


def _one(
    entry: Entry, name: str, given: CompanionFiles, detector: Detector, recipe: Recipe,
    arguments: argparse.Namespace, summary: Summary,
) -> None:  # fmt: skip
    """Write one scan's mask and count it."""
    import numpy as np

    from pipeline.masks.compose import compose_mask, read_given_masks
    from pipeline.masks.encode import encode_mask

    scan = opened(entry)
    rows, columns = scan.pixels.shape[:2]
    uris = [one.uri if one else "" for one in (given.mask, given.protect, given.infrared)]
    marks = compose_mask(scan, recipe, detector, uri=entry.uri, given=read_given_masks(scan, recipe, *uris))
    summary.painted += given.mask is not None
    mask = marks.suspected if arguments.level == "suggest" else marks.fill
    if marks.review is not None:
        summary.review.append({"path": entry.path, "message": marks.review})
        if arguments.level == "repair":
            mask = np.zeros_like(mask)  # a night would leave it for a person to look at
    storage.write_bytes(storage.join(arguments.target, *name.split("/")), encode_mask(mask))
    if arguments.explain:
        document = {
            "source": marks.source, "notes": marks.notes, "review": marks.review, "kinds": marks.kinds,
            "held_back": marks.suppressed, "components": [vars(piece) for piece in marks.components],
        }  # fmt: skip
        sidecar = str(PurePosixPath(name).with_suffix(".json"))
        storage.write_bytes(storage.join(arguments.target, *sidecar.split("/")), json.dumps(document).encode())
    summary.masked += 1
    summary.empty += not mask.any()
    summary.megapixels += rows * columns / 1e6
