"""Throughput of whole runs: `python -m benchmarks.throughput`.

A run of `restore` on scans of a megapixel beside what their network takes alone, and where the time goes; and, each as
a part, the cost against damage, size and number of scans, several uploads at once, memory, Airflow's share, and how
good the estimate of quality is. Ratios of processor seconds hardly depend on what else the machine does; those of
elapsed seconds do.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.arguments import benchmark_parser
from benchmarks.machine import describe_machine
from benchmarks.results_page import Results, publish
from benchmarks.throughput import calibration, parts, tables
from benchmarks.throughput.inputs import Inbox
from benchmarks.throughput.regressions import find_regressions
from pipeline.atomic_write import atomic_write

#: Parts that are whole runs: with masks as painted and as found, and both in float32 whatever the machine computes in.
RUNS = ("shell", "found", "float32", "found-float32")
PARTS = (
    *RUNS,
    "damage",
    "size",
    "collection",
    "arrivals",
    "memory",
    "report",
    "airflow",
    "estimate",
)


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of the parts asked for, and the ratios that are compared between runs."""
    inbox = Inbox(arguments.scans, data=arguments.data)
    few = inbox.of(scans=max(1, arguments.scans // 8))
    jobs = {
        "shell": lambda: parts.shell(inbox),
        "found": lambda: parts.shell(inbox, masks=False),
        "float32": lambda: parts.shell(inbox, precision="float32"),
        "found-float32": lambda: parts.shell(inbox, masks=False, precision="float32"),
        "damage": lambda: parts.series(few.of(damage=0.005), "damage"),
        "size": lambda: parts.series(few.of(megapixels=0.5, scans=max(1, few.scans // 4)), "megapixels"),
        "collection": lambda: parts.series(few.of(scans=max(1, few.scans // 2)), "scans"),
        "arrivals": lambda: parts.arrivals(inbox),
        "memory": lambda: parts.memory(arguments.memory),
        "report": lambda: parts.report(arguments.reports),
        "airflow": lambda: [parts.airflow(inbox.of(scans=count)) for count in sorted({3, arguments.scans})],
        "estimate": lambda: calibration.calibrate(arguments.data, arguments.pictures),
    }
    figures = _kept(arguments)
    processor = describe_machine()["processor"]
    for name in PARTS:
        if name in arguments.parts:
            print(f"{name} …", file=sys.stderr, flush=True)
            found = jobs[name]()
            label = name
            if name in RUNS:
                label = run_label(found)
                figures["runs"][label] = found
            else:
                figures[name] = found
            given = {"measured": f"{datetime.now(UTC):%Y-%m-%d %H:%M}", "load": os.getloadavg()[2]}
            figures["parts"][label] = given | {"asked": inbox.scans, "processor": processor}
    return figures | {"ratios": ratios(figures)}


def run_label(run: dict[str, Any]) -> str:
    """Return what a whole run is called: its masks, and the precision of its network, which decides what that costs.

    Runs in one precision are compared with each other, whatever machine they were measured on.
    """
    return f"{run['masks']} masks, {'bfloat16' if ' bf16 ' in run['runtime'] else 'float32'}"


def _kept(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of an earlier run that stay, none without `--keep`."""
    page = arguments.page.with_suffix(".json") if arguments.keep and arguments.page else None
    kept: dict[str, Any] = json.loads(page.read_text()) if page and page.exists() else {}
    return kept | {"parts": kept.get("parts", {}), "runs": kept.get("runs", {})}


def ratios(figures: dict[str, Any]) -> dict[str, float]:
    """Return the ratios by which runs are compared; of each, less is better."""
    found: dict[str, float] = {}
    for label, run in sorted(figures.get("runs", {}).items()):
        # Elapsed seconds say as much about what else the machine does.
        # What a run costs once weighs more with few scans.
        found[f"{label}, {run['scans']} scans: over network, processor seconds"] = run["over_network"]["processors"]
        if "ceiling" in run:
            found[f"{label}: matrix ceiling over network's rate"] = run["ceiling"] / run["rate"]
    for night in figures.get("airflow", ()):
        found[f"Airflow over shell, {night['scans']} scans"] = night["over_shell"]
    for name, key in (("damage", "damage"), ("size", "megapixels"), ("collection", "scans")):
        if rows := figures.get(name):
            first, last = rows[0], rows[-1]
            found[f"{name}: cost doubled over {key} doubled"] = (last["processors"] / first["processors"]) / (
                last[key] / first[key]
            )
    if rows := figures.get("memory"):
        found["memory: most over fewest scans"] = rows[-1]["peak"] / rows[0]["peak"]
    return found


def main(argv: list[str] | None = None) -> int:
    """Print the results; return the exit code: 1 where `--check` finds a ratio that grew by more than 15 %."""
    words = sys.argv[1:] if argv is None else argv
    parser = benchmark_parser("throughput", __doc__, data="photos, bench/images", needs_data=False)
    parser.add_argument("--scans", type=int, default=24, help="scans of a megapixel (default: 24)")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=RUNS, help="what to measure")
    parser.add_argument("--memory", nargs="+", type=int, default=[100, 1000], help="numbers of scans of `memory`")
    parser.add_argument("--reports", nargs="+", type=int, default=[100, 10_000], help="numbers of scans of `report`")
    parser.add_argument("--pictures", type=int, default=24, help="pictures of `estimate`")
    parser.add_argument(
        "--keep", action="store_true", help="keep the page's figures of parts that are not measured now"
    )
    parser.add_argument("--check", type=Path, metavar="FILE", help="compare the ratios with an earlier run's JSON")
    given = parser.parse_args(words)
    started = time.monotonic()
    figures = measure(given)
    with TemporaryDirectory() as folder:
        results = Results(
            title="Throughput of whole runs",
            intro="What a run costs beside what its network costs: scans of a megapixel with 2.9 % damage, from"
            " photographs, with masks as people paint them. The network alone fills the same windows in memory, with"
            " nothing read, estimated or written.",
            sections=tables.sections(figures),
            figures=figures,
            notes=tables.NOTES,
            networks=", ".join(dict.fromkeys(run["runtime"] for run in figures["runs"].values())),
            seconds=time.monotonic() - started,
            picture=tables.plot(figures, Path(folder)) if given.page else None,
        )
        publish("throughput", results, given, words)
    if given.page:
        text = json.dumps(figures, indent=1, sort_keys=True) + "\n"
        atomic_write(given.page.with_suffix(".json"), text.encode())
    worse = find_regressions(json.loads(given.check.read_text())["ratios"], figures["ratios"]) if given.check else []
    for line in worse:
        print(f"worse: {line}", file=sys.stderr)
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
