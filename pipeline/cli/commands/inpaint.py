"""`inpaint SRC MASKS DST`: fills the damage that masks mark, and changes nothing else."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rich.console import Console

from pipeline import storage
from pipeline.cli.per_scan import bar, failure, opened, said, target_names
from pipeline.cli.uris import refuse_overlap
from pipeline.errors import (
    ConfigurationError,
    StoreUnavailable,
    WeightsError,
)

if TYPE_CHECKING:
    from pipeline.engines import Engine, Filled
    from pipeline.imaging.types import Mask
    from pipeline.scans import Scan
    from pipeline.storage import Entry

EPILOG = """\
A mask belongs to the scan with its path and stem: SRC/box/a.jpg and MASKS/box/a.png. White is damage. Results are PNG,
or TIFF for CMYK and for more than 8 bits per channel; of two scans with one stem the later one's result keeps its
ending: a.tif.png. Scans without a mask are left out and counted. SRC and MASKS are only read.

exit codes: 0 every scan that has a mask is filled; 1 some are not (named above); 2 nothing was done"""


@dataclass
class Summary:
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


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb `inpaint`."""
    parser = subparsers.add_parser(
        "inpaint",
        help="fill the damage that masks mark",
        description="Fills what the masks mark on the scans below SRC; all other pixels stay bit-identical.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("source", metavar="SRC", help="folder, file or URI with scans; never written")
    add("masks", metavar="MASKS", help="folder, file or URI with masks, 255 = damaged")
    add("target", metavar="DST", help="folder or URI for results; paths below it are those below SRC")
    add("--engine", metavar="NAME", default="rn", help="rn (default), telea, navier-stokes, biharmonic, dcgan-digits")
    add("--weights", metavar="NAME", default="rn-faithful", help="shipped weights, or the path of a safetensors file")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where the network runs")
    backends = ("auto", "torch", "openvino")
    add("--backend", choices=backends, default="auto", help="what runs the network")
    add("--json", action="store_true", help="print one JSON object as the last line")
    parser.set_defaults(run=run)


@dataclass(frozen=True)
class _Pair:
    """A scan, its mask, and the name of its result without the ending."""

    scan: Entry
    mask: Entry
    name: str


def run(arguments: argparse.Namespace) -> int:
    """Fill the scans; return the exit code."""
    from pipeline.engines import load_engine

    console = Console(stderr=True)
    refuse_overlap(arguments.target, arguments.source, arguments.masks)
    started = time.monotonic()
    summary = Summary()
    try:
        pairs = _pairs(arguments.source, arguments.masks, summary)
        if not pairs:
            raise ConfigurationError(
                f"no mask below {arguments.masks} has the path and stem of a scan below {arguments.source}"
            )
        engine = load_engine(
            arguments.engine, weights=arguments.weights, device=arguments.device, backend=arguments.backend
        )
        storage.check_writable(arguments.target)
    except (ConfigurationError, WeightsError, StoreUnavailable, OSError) as error:
        print(f"inpaint: {said(error)}", file=sys.stderr)
        return 2
    summary.engine, summary.engine_digest, summary.runtime = engine.name, engine.digest, engine.runtime
    _fill(pairs, engine, arguments.target, summary, console)
    summary.seconds = round(time.monotonic() - started, 3)
    summary.engine_seconds = round(summary.engine_seconds, 3)
    summary.megapixels = round(summary.megapixels, 3)
    _tell(summary, arguments.json)
    return 1 if summary.failed else 0


def _fill(pairs: list[_Pair], engine: Engine, target: str, summary: Summary, console: Console) -> None:
    """Fill the scans, write the results below the target, and add to the summary."""
    from pipeline import scans
    from pipeline.masks.manual import read_mask
    from pipeline.metrics import fidelity
    from pipeline.stages.fill_scans import ScanFiller, native_pixels

    class PairFiller(ScanFiller[_Pair]):
        def key(self, pair: _Pair) -> str:
            return pair.name

        def read(self, pair: _Pair) -> tuple[Scan, Mask]:
            scan = opened(pair.scan)
            rows, columns = scan.pixels.shape[:2]
            data = storage.read_bytes(pair.mask.uri)
            return scan, read_mask(data, (rows, columns), scan.info.orientation, pair.mask.path).mask

        def store(self, pair: _Pair, scan: Scan, mask: Mask, filled: Filled) -> None:
            pixels = scan.pixels.copy()
            pixels[mask > 0] = native_pixels(scan, mask, filled)
            if not fidelity(scan.pixels, pixels, mask).outside_identical:
                raise AssertionError(f"{pair.scan.path}: a pixel outside the mask changed")
            extension = ".tif" if scan.info.bit_depth > 8 or scan.mode == "CMYK" else ".png"
            data = scans.encode(replace(scan, pixels=pixels), extension)
            storage.write_bytes(storage.join(target, pair.name + extension), data)
            summary.filled += 1
            summary.windows += len(filled.windows)
            summary.engine_seconds += filled.seconds
            summary.megapixels += mask.size / 1e6
            summary.notes += [{"path": pair.scan.path, "message": note} for note in filled.notes]
            progress.advance(scan_task)

        def fail(self, pair: _Pair, error: Exception, seconds: float) -> None:
            summary.failed.append(failure(pair.scan, error, console))
            progress.advance(scan_task)

    with bar(console) as progress:
        scan_task = progress.add_task("scans", total=len(pairs))
        window_task = progress.add_task("windows", total=None)
        PairFiller(engine, progress=lambda count: progress.advance(window_task, count)).fill(pairs)


def _pairs(source: str, masks: str, summary: Summary) -> list[_Pair]:
    """Return the scans that have a mask, by path; the rest is counted."""
    from pipeline.inbox.companions import by_stem, is_companion, stem

    drawn = by_stem(storage.list_files(masks))
    found = [
        entry
        for entry in storage.list_files(source)
        if storage.has_image_suffix(entry.path) and not is_companion(entry.path)
    ]
    used, pairs = set(), []
    for entry, name in zip(found, target_names(found, ""), strict=True):
        key = next((key for key in (entry.path, stem(entry.path)) if key in drawn), None)
        if key is None and len(found) == len(drawn) == 1:
            key = next(iter(drawn))  # two files were named: they belong together whatever they are called
        summary.scans += 1
        if key is None:
            summary.without_mask += 1
        else:
            used.add(key)
            pairs.append(_Pair(entry, drawn[key], name))
    summary.without_scan = sorted(entry.path for key, entry in drawn.items() if key not in used)
    return pairs


def _tell(summary: Summary, as_json: bool) -> None:
    """Print what was done."""
    if as_json:
        print(json.dumps(vars(summary), ensure_ascii=True))
        return
    for note in summary.notes:
        print(f"{note['path']}: {note['message']}")
    work = f"{summary.windows} windows in {summary.seconds:.1f} s by {summary.engine} ({summary.runtime})"
    print(f"{summary.filled} filled, {len(summary.failed)} failed, {summary.without_mask} without a mask; {work}")
    if summary.without_scan:
        named = ", ".join(summary.without_scan[:5])
        print(f"{len(summary.without_scan)} masks belong to no scan: {named}", file=sys.stderr)
