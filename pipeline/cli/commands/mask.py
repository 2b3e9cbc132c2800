"""`mask SRC DST`: write a mask for every scan, as an unattended run would fill it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import click

from pipeline.cli.arguments import (
    backend_option,
    device_option,
    json_option,
    mask_mode_option,
    masks_option,
    overwrite_option,
    source_argument,
    target_argument,
)
from pipeline.cli.console import NothingDone, nothing_done_on_error, print_json, stderr_console
from pipeline.cli.own_files import OwnFiles
from pipeline.cli.per_scan import process_each, read_scan, target_names
from pipeline.cli.uris import as_uri
from pipeline.cli.values import Number
from pipeline.cli.verbs import Verb
from pipeline.errors import StoreUnavailable
from pipeline.escape import error_line, visible
from pipeline.imaging.suffixes import has_image_suffix

if TYPE_CHECKING:
    from pipeline.detection.types import Detector
    from pipeline.inbox.companions import CompanionFiles
    from pipeline.settings import Recipe
    from pipeline.storage import Entry

EPILOG = """\
exit codes: 0 every scan has a mask; 1 some could not be read (named above); 2 nothing was done

A scan with a painted mask beside it (photo.jpg and photo.mask.png) gets that mask, or both masks with --mask-mode add.
What is painted in photo.protect.png is never marked. An infrared plane (photo.ir.tif, SilverFast's second page,
VueScan's fourth channel) decides what is repaired where it can be used. Marks on faces and text are left out. A scan
that a person has to look at first (too much damage) is named, and its mask is empty at the level repair. Masks are PNG,
of the scan's size, 255 = damaged. Of two scans with one stem the later one's mask keeps its suffix: photo.tif.png.

example: mask scans/ masks/ --level suggest --explain"""


@dataclass
class MaskSummary:
    """What a run did, printed with `--json`."""

    scans: int = 0
    masked: int = 0
    empty: int = 0
    painted: int = 0
    review: list[dict[str, str]] = field(default_factory=list)
    failed: list[dict[str, str]] = field(default_factory=list)
    megapixels: float = 0.0
    seconds: float = 0.0


@click.command(cls=Verb, epilog=EPILOG)
@source_argument("folder, file or URI with scans; never written")
@target_argument("folder or URI for masks; paths below it are those below SRC")
@click.option(
    "--level",
    type=click.Choice(("repair", "suggest")),
    default="repair",
    help="repair: what would be filled without review (default); suggest: also what a reviewer would be offered",
)
@click.option("--detector", help="classical, learned or none (default: as in recipes)")
@click.option("--precision", type=Number(), help="wanted of what is repaired (default 0.9)")
@click.option("--sensitivity", type=Number(), help="above 1 finds more damage, and more false marks")
@click.option("--dilate", type=int, help="pixels added around what is found")
@masks_option
@mask_mode_option
@click.option("--no-infrared", is_flag=True, help="ignore a scanner's infrared plane")
@click.option("--no-face-guard", is_flag=True, help="mark all damage on faces too")
@click.option("--no-text-guard", is_flag=True, help="mark damage on text too, without a review")
@device_option
@backend_option
@click.option("--explain", is_flag=True, help="write DST/STEM.json beside each mask: every component and why")
@overwrite_option
@json_option
def command(
    source: str,
    target: str,
    level: str,
    detector: str | None,
    precision: float | None,
    sensitivity: float | None,
    dilate: int | None,
    masks: str | None,
    mask_mode: str | None,
    no_infrared: bool,
    no_face_guard: bool,
    no_text_guard: bool,
    device: str,
    backend: str,
    explain: bool,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Write DST/STEM.png for every scan below SRC: 255 = damaged, 0 = intact."""
    from pipeline import storage
    from pipeline.detection.load import load_detector
    from pipeline.inbox.companions import list_optional
    from pipeline.inbox.contents import Contents
    from pipeline.inbox.ignored import Ignored, why_ignored
    from pipeline.inbox.pairing import pair
    from pipeline.settings import make_recipe

    storage.refuse_overlap(target, source, masks)
    started = time.monotonic()
    with nothing_done_on_error():
        given = {
            "detector": detector, "precision": precision, "sensitivity": sensitivity, "dilate": dilate,
            "mask_mode": mask_mode, "level": level,
            "infrared": not no_infrared, "face_guard": not no_face_guard, "text_guard": not no_text_guard,
        }  # fmt: skip
        recipe = make_recipe(given, {name: f"--{name.replace('_', '-')}" for name in given})
        loaded = load_detector(recipe.detector.value, device=device, backend=backend)
        entries = [one for one in storage.list_files(source) if why_ignored(one.path) is not Ignored.SYSTEM]
        companions = pair(lambda: entries, list_optional(as_uri(masks) if masks else None), Contents())
        storage.check_writable(target)
    scans = [entry for entry in entries if not companions.is_companion(entry.path) and has_image_suffix(entry.path)]
    if not scans:
        raise NothingDone(f"no scans below {source}")
    storage.refuse_linked_folders(target, (entry.path for entry in scans), source, masks)
    names = target_names(scans, ".png")
    own = OwnFiles(target, [*names, *map(_explanation, names)] if explain else names, overwrite=overwrite)
    summary = MaskSummary(scans=len(scans))

    def process(entry: Entry, name: str) -> None:
        _write_mask(entry, own, name, companions.of(entry.path), loaded, recipe, explain, summary)

    try:
        summary.failed = process_each("masks", scans, ".png", process, stderr_console())
    except StoreUnavailable as error:
        raise NothingDone(error_line(error)) from error
    summary.seconds = round(time.monotonic() - started, 3)
    summary.megapixels = round(summary.megapixels, 3)
    if as_json:
        print_json(vars(summary))
    else:
        counts = f"{summary.empty} empty, {summary.painted} painted, {len(summary.review)} to review"
        work = f"{summary.megapixels:.1f} megapixels in {summary.seconds:.1f} s"
        print(f"{summary.masked} masks ({counts}), {len(summary.failed)} failed, {work}")
        for one in summary.review:
            print(f"to review: {visible(one['path'])}: {one['message']}")
    return 1 if summary.failed else 0


def _write_mask(
    entry: Entry, own: OwnFiles, name: str, given: CompanionFiles, detector: Detector, recipe: Recipe, explain: bool,
    summary: MaskSummary,
) -> None:  # fmt: skip
    """Write one scan's mask, and with `explain` the reasons, and add to the summary."""
    import numpy as np

    from pipeline.masks.compose import compose_mask
    from pipeline.masks.encode import encode_mask
    from pipeline.masks.given_masks import read_given_masks

    scan = read_scan(entry)
    rows, columns = scan.pixels.shape[:2]
    mask_uri, protect_uri, infrared_uri = (
        file.uri if file else "" for file in (given.mask, given.protect, given.infrared)
    )
    supplied = read_given_masks(scan, recipe, mask_uri, protect_uri, infrared_uri)
    marks = compose_mask(scan, recipe, detector, uri=entry.uri, given=supplied)
    summary.painted += given.mask is not None
    suggest = recipe.level == "suggest"
    mask = marks.suspected if suggest else marks.fill
    if marks.review is not None:
        summary.review.append({"path": entry.path, "message": marks.review})
        if not suggest:
            mask = np.zeros_like(mask)  # an unattended run would leave it to a person
    own.write(name, encode_mask(mask))
    if explain:
        document = {
            "source": marks.source, "notes": marks.notes, "review": marks.review, "kinds": marks.kinds,
            "held_back": marks.held, "left": marks.skipped.reasons,
            "components": [vars(component) for component in marks.components],
        }  # fmt: skip
        own.write(_explanation(name), json.dumps(document).encode())
    summary.masked += 1
    summary.empty += not mask.any()
    summary.megapixels += rows * columns / 1e6


def _explanation(name: str) -> str:
    """Return the name of the reasons beside a mask."""
    return str(PurePosixPath(name).with_suffix(".json"))
