"""The review application on the real server: `python -m benchmarks.review`.

Part `server` restores small scans and one of 100 megapixels with 16 bits, fills the ledger with further
results and open marks, starts `review`, and times queue, pictures and keys, the last with Chromium where it is
installed. With `--postgres URL` the queue is timed on an empty PostgreSQL database too. Part `queue` times the queue
alone. Part `strokes` draws rough strokes beside the cracks of scans labelled by hand.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.arguments import benchmark_parser
from benchmarks.markdown import table
from benchmarks.results_page import Results, Section, publish
from benchmarks.review.browser import time_keys, time_scrolling
from benchmarks.review.fill_ledger import fill_ledger, is_filled
from benchmarks.review.requests import count_pages, time_large, time_queue
from benchmarks.review.results import add_marks, make_results
from benchmarks.review.server import Server
from benchmarks.review.strokes import measure_strokes
from pipeline.ledger.migrate import upgrade

PARTS = ("server", "queue", "strokes")


def main(arguments: Sequence[str]) -> None:
    """Measure, print and write what the options ask for."""
    parser = benchmark_parser("review", __doc__, data="labelled scans", needs_data=False, limit="labelled scans")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=["server"], help="what is measured")
    parser.add_argument("--small", type=int, default=100, metavar="N", help="small scans with files (100)")
    parser.add_argument("--scans", type=int, default=100_000, metavar="N", help="results in the ledger (100,000)")
    parser.add_argument("--marks", type=int, default=1_000_000, metavar="N", help="open marks of them (1,000,000)")
    parser.add_argument("--megapixels", type=float, default=100.0, metavar="N", help="of the large scan (100)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep the results, and use those that are there")
    parser.add_argument("--postgres", metavar="URL", help="an empty database for the queue: postgresql+psycopg2://…")
    given = parser.parse_args(arguments)
    started = time.perf_counter()
    figures: dict[str, Any] = {}
    if {"server", "queue"} & set(given.parts):
        with tempfile.TemporaryDirectory() as folder:
            figures |= _server(given.out or Path(folder), given)
    if "strokes" in given.parts:
        if given.data is None:
            parser.error("part strokes needs --data or BENCH_DATA")
        figures["strokes"] = measure_strokes(given.data / "real-damage", given.limit)
    publish("review", _results(figures, given.scans, given.marks, time.perf_counter() - started), given, arguments)


def _server(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    output, whole = folder / "results", "server" in given.parts
    if whole and not output.exists():
        make_results(folder, given.small, given.megapixels)
    ledger = upgrade(f"sqlite:///{output / 'ledger.db'}")
    if not is_filled(ledger):
        if whole:
            add_marks(ledger, output)
        fill_ledger(ledger, str(output), given.scans, given.marks)
    figures: dict[str, Any] = {}
    if whole:
        with tempfile.TemporaryDirectory() as cache, Server(output, Path(cache)) as server:
            figures["large"] = time_large(server)
    with Server(output, folder / "cache") as server:
        figures["queue"] = {"SQLite": time_queue(server)}
        if whole:
            figures["pages"] = count_pages(server)
            figures["keys"] = time_keys(server, given.small)
            figures["scrolling"] = time_scrolling(server, given.scans + given.small + 1)
        figures["server after all, MB"] = server.peak
    if given.postgres:
        other = upgrade(given.postgres)
        if not is_filled(other):
            fill_ledger(other, str(output), given.scans, given.marks)
        with Server(output, folder / "cache", given.postgres) as server:
            figures["queue"]["PostgreSQL"] = time_queue(server)
    return figures


def _results(figures: dict[str, Any], scans: int, marks: int, seconds: float) -> Results:
    sections = []
    if "queue" in figures:
        databases = figures["queue"]
        rows = [(name, *(_milliseconds(one[name]) for one in databases.values())) for name in databases["SQLite"]]
        sections.append(Section("Queue: milliseconds, median (longest)", table(("request", *databases), rows)))
        others = {**figures.get("large", {}), **figures.get("pages", {})}
        others |= (figures.get("keys") or {}) | (figures.get("scrolling") or {})
        others["server after all, MB"] = figures["server after all, MB"]
        rows_of_others = [(name, f"{value:.3g}" if value < 100 else f"{value:.0f}") for name, value in others.items()]
        sections.append(Section("Pictures and server", table(("", ""), rows_of_others)))
    if "strokes" in figures:
        found = figures["strokes"]
        rows = [
            (width, f"{one['snapped']:.3f}", f"{one['raw']:.3f}", f"{one['snapped'] / one['raw']:.2f}")
            for width, one in found["iou"].items()
        ]
        title = f"Strokes 4 px beside {found['strokes']} labelled cracks of {found['scans']} scans: IoU with the label"
        sections.append(Section(title, table(("width of the brush, px", "snapped", "raw", "ratio"), rows)))
    intro = """Rough strokes beside cracks that were labelled by hand, with contrast alone: what the detector suspected
        is not used."""
    if "queue" in figures:
        intro = f"""The review application as a command, with {scans:,} results and {marks:,} open marks in the ledger.
            All requests are sequential, from the same machine. The first picture is that of a window of 1,400 pixels,
            with empty caches; the server's memory is its own, that of the processes which decode scans stands beside
            it."""
    notes = [
        """The keys are pressed by a script in headless Chromium, with .4 s at each picture before the next key; all
        small scans are accepted, each as soon as its picture is there: a lower bound, a person's time to look comes
        on top.""",
        "Marks, tiles and pages are those of real results; the queue's others have no files.",
    ]
    return Results("Review", intro, sections, figures, notes if "queue" in figures else (), seconds=seconds)


def _milliseconds(one: dict[str, float]) -> str:
    return f"{one['median']:.0f} ({one['longest']:.0f})"


if __name__ == "__main__":
    main(sys.argv[1:])
