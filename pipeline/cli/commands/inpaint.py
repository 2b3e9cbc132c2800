"""`inpaint SRC MASKS DST`: fill the damage that masks mark, and change nothing else."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import click

from pipeline.cli.arguments import (
    backend_option,
    device_option,
    json_option,
    overwrite_option,
    source_argument,
    target_argument,
)
from pipeline.cli.console import NothingDone, nothing_done_on_error, print_json, progress_bar, stderr_console
from pipeline.cli.own_files import ForeignFile, OwnFiles
from pipeline.cli.per_scan import read_scan, report_failure, target_names
from pipeline.cli.verbs import Verb
from pipeline.errors import StoreUnavailable
from pipeline.imaging.suffixes import has_image_suffix

if TYPE_CHECKING:
    from pipeline.engines import Engine, Filled
    from pipeline.imaging.types import Mask
    from pipeline.scans import Scan
    from pipeline.storage import Entry

EPILOG = """\
A mask belongs to the scan with its path and stem: SRC/box/a.jpg and MASKS/box/a.png. White is damage. Results are PNG,
or TIFF for CMYK and for more than 8 bits per channel; of two scans with one stem the later one's result keeps its
suffix: a.tif.png. Scans without a mask are left out and counted. SRC and MASKS are only read.

exit codes: 0 every scan that has a mask is filled; 1 some are not (named above); 2 nothing was done

example: inpaint scans/ masks/ results/ --engine telea"""


@dataclass
class InpaintSummary:
    """What a run did, printed with `--json`."""

    scans: int = 0
    filled: int = 0
    without_mask: int = 0
    without_scan: list[str] = field(default_factory=list)
    failed: list[dict[str, str]] = field(default_factory=list)
    notes: list[dict[str, str]] = field(default_factory=list)
    engine: str = ""
    engine_digest: str = ""
    runtime: str = ""
    windows: int = 0
    megapixels: float = 0.0
    engine_seconds: float = 0.0
    seconds: float = 0.0


@click.command(cls=Verb, epilog=EPILOG)
@source_argument("folder, file or URI with scans; never written")
@click.argument("masks", metavar="MASKS", help="folder, file or URI with masks, 255 = damaged")
@target_argument("folder or URI for results; paths below it are those below SRC")
@click.option(
    "--engine",
    metavar="NAME",
    default="rn",
    help="rn (default), telea, navier-stokes, biharmonic, dcgan-digits",
)
@click.option(
    "--weights", metavar="NAME", default="rn-faithful", help="shipped weights, or the path of a safetensors file"
)
@device_option
@backend_option
@overwrite_option
@json_option
def command(
    source: str,
    masks: str,
    target: str,
    engine: str,
    weights: str,
    device: str,
    backend: str,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Fill what the masks mark on the scans below SRC; all other pixels stay bit-identical."""
    from pipeline import storage
    from pipeline.engines import load_engine

    storage.refuse_overlap(target, source, masks)
    started = time.monotonic()
    summary = InpaintSummary()
    with nothing_done_on_error():
        pairs = _pair_by_stem(source, masks, summary)
        if not pairs:
            raise NothingDone(f"no mask below {masks} has the path and stem of a scan below {source}")
        storage.refuse_linked_folders(target, (pair.name for pair in pairs), source, masks)
        loaded = load_engine(engine, weights=weights, device=device, backend=backend)
        storage.check_writable(target)
        # Which of them a result gets depends on its scan.
        own = OwnFiles(
            target, [pair.name + suffix for pair in pairs for suffix in (".png", ".tif")], overwrite=overwrite
        )
    summary.engine, summary.engine_digest, summary.runtime = loaded.name, loaded.digest, loaded.runtime
    _fill_pairs(pairs, loaded, own, summary)
    summary.seconds = round(time.monotonic() - started, 3)
    summary.engine_seconds = round(summary.engine_seconds, 3)
    summary.megapixels = round(summary.megapixels, 3)
    if as_json:
        print_json(vars(summary))
    else:
        _print_summary(summary)
    return 1 if summary.failed else 0


@dataclass(frozen=True)
class _Pair:
    """A scan, its mask, and the name of its result without the suffix."""

    scan: Entry
    mask: Entry
    name: str


@dataclass(frozen=True)
class _Made:
    """The result of a pair: its file's name and content, and the megapixels of the scan."""

    name: str
    data: bytes
    megapixels: float


def _pair_by_stem(source: str, masks: str, summary: InpaintSummary) -> list[_Pair]:
    """Return the scans that have a mask, by path and stem; the others are counted in the summary."""
    from pipeline import storage
    from pipeline.inbox.contents import Contents
    from pipeline.inbox.ignored import why_ignored
    from pipeline.inbox.names import is_companion
    from pipeline.inbox.pairing import pair

    folder = [entry for entry in storage.list_files(masks) if entry.kind == "file"]
    scans = [
        entry
        for entry in storage.list_files(source)
        if has_image_suffix(entry.path) and not is_companion(entry.path) and why_ignored(entry.path) is None
    ]
    found = pair(lambda: scans, folder, Contents())
    scans = [entry for entry in scans if not found.is_companion(entry.path)]
    # Two files were named: they belong together whatever their names.
    only = folder[0] if len(scans) == len(folder) == 1 else None
    pairs = []
    for entry, name in zip(scans, target_names(scans, ""), strict=True):
        mask = found.of(entry.path).mask or only
        summary.scans += 1
        if mask is None:
            summary.without_mask += 1
        else:
            pairs.append(_Pair(entry, mask, name))
    summary.without_scan = [] if only else sorted(one.path for one in found.unused)
    return pairs


def _fill_pairs(pairs: list[_Pair], engine: Engine, own: OwnFiles, summary: InpaintSummary) -> None:
    """Fill the scans, write the results, and add to the summary."""
    from pipeline import scans, storage
    from pipeline.errors import Reason, UnreadableScan
    from pipeline.masks.scan_view import view_scan
    from pipeline.metrics import fidelity
    from pipeline.painted import read_mask
    from pipeline.runtime.openvino import cores
    from pipeline.stages.derivative_note import disclosure, with_disclosure
    from pipeline.stages.fill_scans import ScanFiller, native_pixels

    class PairFiller(ScanFiller[_Pair, _Made]):
        # The engine is loaded: what it refuses now is one scan, such as a photograph among digits.
        fatal = (StoreUnavailable,)

        def key(self, pair: _Pair) -> str:
            return pair.name

        def pixels(self, pair: _Pair) -> int:
            # Unknown before it is read; an uncompressed scan in colours of 8 bits has so many for its bytes.
            return pair.scan.size // 3

        def read(self, pair: _Pair) -> tuple[Scan, Mask]:
            scan = read_scan(pair.scan)
            painted = read_mask(storage.read_bytes(pair.mask.uri), view_scan(scan), pair.mask.path)
            if painted.doubt:
                raise UnreadableScan(Reason.MASK_UNREADABLE, painted.doubt)
            return scan, painted.mask

        def make(self, pair: _Pair, scan: Scan, mask: Mask, filled: Filled, samples: object) -> _Made:
            pixels = scan.pixels.copy()
            pixels[mask > 0] = native_pixels(scan, mask, filled)
            if not fidelity(scan.pixels, pixels, mask).outside_identical:
                raise AssertionError(f"{pair.scan.path}: a pixel outside the mask changed")
            extension = ".tif" if scan.info.bit_depth > 8 or scan.mode == "CMYK" else ".png"
            result = replace(scan, pixels=pixels)
            if mask.any():
                said = disclosure(
                    sha256=storage.sha256(pair.scan.uri),
                    share=float((mask > 0).mean()),
                    source="manual",
                    engine=engine.name,
                    digest=engine.digest,
                    recipe=engine.digest,
                    language="en",
                )
                result = with_disclosure(result, said)
            return _Made(pair.name + extension, scans.encode(result, extension), mask.size / 1e6)

        def store(self, pair: _Pair, made: _Made, filled: Filled) -> None:
            try:
                own.write(made.name, made.data)
            except ForeignFile as error:
                self.fail(pair, error, filled.seconds)
                return
            summary.filled += 1
            summary.windows += len(filled.windows)
            summary.engine_seconds += filled.seconds
            summary.megapixels += made.megapixels
            summary.notes += [{"path": pair.scan.path, "message": note} for note in filled.notes]
            progress.advance(scan_task)

        def fail(self, pair: _Pair, error: Exception, seconds: float) -> None:
            summary.failed.append(report_failure(pair.scan, error, console))
            progress.advance(scan_task)

    console = stderr_console()
    with progress_bar(console) as progress:
        scan_task = progress.add_task("scans", total=len(pairs))
        window_task = progress.add_task("windows", total=None)
        PairFiller(engine, progress=lambda count: progress.advance(window_task, count), workers=cores()).fill(pairs)


def _print_summary(summary: InpaintSummary) -> None:
    for note in summary.notes:
        print(f"{note['path']}: {note['message']}")
    work = f"{summary.windows} windows in {summary.seconds:.1f} s by {summary.engine} ({summary.runtime})"
    print(f"{summary.filled} filled, {len(summary.failed)} failed, {summary.without_mask} without a mask; {work}")
    if summary.without_scan:
        named = ", ".join(summary.without_scan[:5])
        print(f"{len(summary.without_scan)} masks belong to no scan: {named}", file=sys.stderr)
