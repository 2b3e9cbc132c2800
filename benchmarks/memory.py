"""Memory of a whole restoration, all processes together: `python -m benchmarks.memory`.

Runs `restore` on one TIFF of 16-bit RGB with simulated damage, for each size and share of damage, and samples what the
program and its decoder processes use, stage by stage. Seconds are those of all processors. With `--out` every scan that
is done is kept, and a later run with the same folder measures only those that are missing.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from benchmarks import markdown
from benchmarks.arguments import benchmark_parser
from benchmarks.process_tree import Usage, glance, usage
from benchmarks.results_page import Results, Section, publish
from benchmarks.speed import draw_damage, picture
from pipeline.atomic_write import atomic_path

MEGAPIXELS = (12.0, 100.0, 400.0)
SHARES = (0.001, 0.01, 0.05)
OTHERS = ("tiles", "lzw", "found")
"""Kinds of one scan each that are measured besides: tiled, compressed by LZW, and with its damage found."""
SHEET = (3000, 4000)
"""Height and width of the picture and the damage that are repeated over a larger scan."""
BAND = 256
EVERY = 0.05
STAGES = ("receive", "mask", "inpaint", "measure", "publish", "report")
STAGE = re.compile(r"\bstage=(\w+)")
NOTES = (
    "Peaks are sums of the proportional set size (PSS) of the program and all processes that it started, sampled every"
    f" {EVERY * 1000:.0f} ms, files in memory included.",
    "Mapped: of the peak, pages of files on disk that the processes have mapped; the system drops them when other"
    " programs need room.",
    "Interpreter, libraries and models take what a small scan takes.",
)


@dataclass
class Peaks:
    """The highest figures of a run, in MiB, and its processor seconds."""

    by_stage: dict[str, Usage] = field(default_factory=dict)
    processors: dict[int, float] = field(default_factory=dict)

    def add(self, stage: str, found: Usage) -> None:
        """Take one sample of memory into account."""
        if found.total > self.highest_of(stage):
            self.by_stage[stage] = found

    def highest_of(self, stage: str) -> float:
        """Return the highest total of a stage so far, in MiB."""
        return self.by_stage[stage].total if stage in self.by_stage else 0.0

    def spend(self, processors: dict[int, float]) -> None:
        """Take processor seconds into account, by process."""
        for process, seconds in processors.items():
            self.processors[process] = max(seconds, self.processors.get(process, 0.0))

    @property
    def highest(self) -> Usage:
        """The sample with the highest total."""
        return max(self.by_stage.values(), key=lambda found: found.total)

    @property
    def anonymous(self) -> float:
        """The most that could not be dropped, at the moments of the stages' peaks."""
        return max(found.anonymous for found in self.by_stage.values())


def write_scan(path: Path, mask: NDArray[np.uint8], *, layout: str, compression: str) -> None:
    """Write a scan of 16-bit RGB with grain, its damage drawn in light grey, band by band.

    Args:
        mask: (H,W), not 0 where damaged.
        layout: `strips` or `tiles`.
        compression: `none` or `lzw`.
    """
    height, width = mask.shape
    sheet = picture(*SHEET)
    rng = np.random.default_rng(0)

    def bands() -> Iterator[NDArray[np.uint16]]:
        for top in range(0, height, BAND):
            rows = np.arange(top, min(height, top + BAND)) % SHEET[0]
            band = np.take(sheet[rows], np.arange(width) % SHEET[1], axis=1).astype(np.uint16) * 257
            band += rng.integers(0, 1024, band.shape, dtype=np.uint16)
            band[mask[top : top + BAND] != 0] = 60_000
            yield band

    def tiles() -> Iterator[NDArray[np.uint16]]:
        for band in bands():
            for left in range(0, width, BAND):
                tile = np.zeros((BAND, BAND, 3), np.uint16)
                part = band[:, left : left + BAND]
                tile[: part.shape[0], : part.shape[1]] = part
                yield tile

    # Compressed strips are taken from a whole picture only.
    strips = np.concatenate(list(bands())) if layout == "strips" and compression != "none" else bands()
    shape: dict[str, Any] = {"rowsperstrip": BAND} if layout == "strips" else {"tile": (BAND, BAND)}
    tifffile.imwrite(
        path, strips if layout == "strips" else tiles(), shape=(height, width, 3), dtype=np.uint16, photometric="rgb",
        compression=None if compression == "none" else compression, predictor=compression != "none",
        bigtiff=6 * mask.size > 2**32 - 2**26, maxworkers=1, **shape,
    )  # fmt: skip


def draw_mask(megapixels: float, share: float) -> NDArray[np.uint8]:
    """Return a mask (H,W) of 4:3 with a share of damage, alike all over."""
    width = round((megapixels * 1e6 * 4 / 3) ** 0.5)
    # Rounded down: a scan of more than 400 megapixels is refused.
    height = int(megapixels * 1e6 / width)
    sheet = draw_damage(*SHEET, share)
    return np.tile(sheet, (-(-height // SHEET[0]), -(-width // SHEET[1])))[:height, :width]


def run(folder: Path, options: list[str]) -> Peaks:
    """Return the peaks of one `restore` of a folder's scan.

    Raises:
        RuntimeError: the scan was not restored; the message has the end of the log.
    """
    command = [sys.executable, "-m", "pipeline", "-v", "restore", str(folder / "scans"), str(folder / "results")]
    process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    peaks, lines = Peaks(), list[str]()
    done = ["start"]

    def follow() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            # A stage's line appears at its end: what follows belongs to the next one.
            if (found := STAGE.search(line)) and found[1] in STAGES:
                done.append(found[1])

    reader = threading.Thread(target=follow)
    reader.start()
    while process.poll() is None:
        seen = glance(process.pid)
        peaks.spend(seen.processors)
        position = STAGES.index(done[-1]) if done[-1] in STAGES else -1
        stage = STAGES[min(position + 1, len(STAGES) - 1)]
        # What shared pages count twice is above every peak that is still to come.
        if seen.most > peaks.highest_of(stage) and (found := usage(process.pid)).processors:
            peaks.add(stage, found)
        time.sleep(EVERY)
    reader.join()
    if process.returncode or not list((folder / "results" / "restored").glob("*")):
        raise RuntimeError(f"restore ended with {process.returncode}: {''.join(lines[-20:])}")
    return peaks


@dataclass(frozen=True)
class Case:
    """One scan to restore.

    Attributes:
        damage: share of its pixels.
        kind: `strips`, or one of `OTHERS`.
    """

    megapixels: float
    damage: float
    kind: str

    def __str__(self) -> str:
        return f"{self.megapixels:g}-{self.damage:g}-{self.kind}"


def measure_one(case: Case, given: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of one scan, made and restored in a temporary folder, or those that an earlier run kept."""
    kept = given.out / f"{case}-{given.engine}.json" if given.out else None
    if kept and kept.exists():
        found: dict[str, Any] = json.loads(kept.read_text())
        return found
    with tempfile.TemporaryDirectory(dir=given.work) as name:
        folder = Path(name)
        mask = draw_mask(case.megapixels, case.damage)
        for part in ("scans", "masks"):
            (folder / part).mkdir()
        layout, compression = "tiles" if case.kind == "tiles" else "strips", "lzw" if case.kind == "lzw" else "none"
        write_scan(folder / "scans" / "scan.tif", mask, layout=layout, compression=compression)
        options = []
        if case.kind != "found":
            Image.fromarray(mask).save(folder / "masks" / "scan.png", compress_level=1)
            options = ["--masks", str(folder / "masks")]
        if given.engine != "rn":
            (folder / "recipe.yaml").write_text(f"engine: {given.engine}\n")
            options += ["--recipe", str(folder / "recipe.yaml")]
        del mask
        peaks = run(folder, options)
    seconds = sum(peaks.processors.values())
    stages = {stage: {"total": one.total, "mapped": one.mapped} for stage, one in peaks.by_stage.items()}
    print(
        f"{case}: {seconds:.0f} s, peak {peaks.highest.total:,.0f} MiB; "
        + ", ".join(f"{stage} {one['total']:,.0f} ({one['mapped']:,.0f})" for stage, one in stages.items()),
        file=sys.stderr,
        flush=True,
    )
    found = {
        "megapixels": case.megapixels, "damage": case.damage, "kind": case.kind, "processors": seconds,
        "peak": peaks.highest.total, "mapped": peaks.highest.mapped, "anonymous": peaks.anonymous, "stages": stages,
    }  # fmt: skip
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(kept) as temporary:
            temporary.write_text(json.dumps(found))
    return found


def to_table(rows: list[dict[str, Any]]) -> str:
    """Return the figures as Markdown."""
    header = ("megapixels", "damage", "kind", "processor seconds", "peak, MiB", "of it mapped", *STAGES[:5])
    lines = [
        (
            f"{row['megapixels']:g}",
            f"{row['damage']:.1%}",
            row["kind"],
            f"{row['processors']:.0f}",
            f"{row['peak']:,.0f}",
            f"{row['mapped']:,.0f}",
            *(f"{row['stages'][stage]['total']:,.0f}" if stage in row["stages"] else "" for stage in STAGES[:5]),
        )
        for row in rows
    ]
    return markdown.table(header, lines)


def measure(given: argparse.Namespace) -> Results:
    """Return the figures of all sizes and shares of damage, and of the other kinds."""
    started = time.monotonic()
    cases = [Case(size, share, "strips") for size in given.megapixels for share in given.shares]
    cases += [Case(given.other_megapixels, given.other_share, kind) for kind in given.others]
    if given.kept:
        rows = [json.loads(file.read_text()) for file in given.out.glob(f"*-{given.engine}.json")]
        rows.sort(key=lambda row: (row["kind"] != "strips", row["kind"], row["megapixels"], row["damage"]))
    else:
        rows = [measure_one(case, given) for case in cases]
    return Results(
        title="Memory of a restoration",
        intro="Processor seconds and the highest memory of all processes together, whole and by stage, for `restore`"
        f" on one TIFF of 16-bit RGB, filled by `{given.engine}`. Kinds: strips, uncompressed, its damage painted; the"
        " same in tiles; strips compressed by LZW; strips whose damage the detector finds.",
        sections=[Section("", to_table(rows))],
        figures=rows,
        notes=NOTES,
        seconds=None if given.kept else time.monotonic() - started,
    )


def main(argv: list[str] | None = None) -> int:
    """Print the results; return the exit code, 0."""
    words = sys.argv[1:] if argv is None else argv
    parser = benchmark_parser("memory", __doc__)
    add = parser.add_argument
    add("--megapixels", nargs="+", type=float, default=MEGAPIXELS)
    add("--shares", nargs="+", type=float, default=SHARES, help="damaged shares of the scan")
    add("--others", nargs="*", choices=OTHERS, default=OTHERS, help="kinds of one scan each (default: all)")
    add("--other-megapixels", type=float, default=100.0, help="their size (default 100)")
    add("--other-share", type=float, default=0.001, help="their damaged share (default .001)")
    add("--engine", default="rn")
    add("--out", type=Path, metavar="RUN", help="folder that keeps what is done")
    add("--kept", action="store_true", help="measure nothing: show what is kept in RUN")
    add("--work", type=Path, help="folder for scans and results (default: the system's for temporary files)")
    given = parser.parse_args(words)
    if given.kept and not given.out:
        parser.error("--kept needs --out")
    cv2.setNumThreads(1)
    publish("memory", measure(given), given, words)
    return 0


if __name__ == "__main__":
    sys.exit(main())
