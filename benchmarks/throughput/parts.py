"""The parts of the throughput benchmark: each returns its figures as JSON values."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.speed import matrix_ceiling, operations
from benchmarks.throughput.airflow_run import night
from benchmarks.throughput.inputs import Inbox, fill_inbox
from benchmarks.throughput.processes import ROOT, Ran, measure_program
from pipeline.settings import Recipe

#: Each series doubles four times.
DOUBLED = (1, 2, 4, 8, 16)


def shell(inbox: Inbox, *, masks: bool = True, precision: str = "auto") -> dict[str, Any]:
    """Return what a run of `restore` and its network alone take, and the shares of stages and steps."""
    with TemporaryDirectory(prefix="throughput-") as folder:
        source = fill_inbox(inbox, Path(folder, "inbox"), masks=masks)
        ran = _restore(source, Path(folder, "out"), precision)
        alone = _alone(fill_inbox(inbox, Path(folder, "painted")) if not masks else source, precision)
    ceiling = matrix_ceiling("cpu")["bf16" if " bf16 " in alone["runtime"] else "float32"]
    return {
        "ceiling": ceiling,
        "rate": operations(Recipe().weights) * alone["megapixels"] / alone["processors"],
        "scans": inbox.scans,
        "masks": "painted" if masks else "found",
        "runtime": alone["runtime"],
        "clock": ran.clock,
        "processors": ran.processors,
        "peak": ran.peak,
        "network": alone,
        "over_network": {"clock": ran.clock / alone["clock"], "processors": ran.processors / alone["processors"]},
        **ran.answer,
    }


def series(inbox: Inbox, name: str) -> list[dict[str, Any]]:
    """Return a run's cost against damage, size or number of the scans, each doubled four times.

    Args:
        inbox: the smallest; its scans are made of `name` times 1, 2, 4, 8 and 16.
        name: `damage`, `megapixels` or `scans`.
    """
    rows = []
    for times in DOUBLED:
        value = getattr(inbox, name) * times
        with TemporaryDirectory(prefix="throughput-") as folder:
            ran = _restore(fill_inbox(inbox.of(**{name: value}), Path(folder, "inbox")), Path(folder, "out"))
        rows.append({name: value, "clock": ran.clock, "processors": ran.processors, "peak": ran.peak})
        print(f"{name} {value:g}: {ran.processors:.1f} processor seconds", file=sys.stderr, flush=True)
    return rows


def arrivals(inbox: Inbox, at_once: int = 8) -> dict[str, float]:
    """Return seconds an image when several people start a run on one image each at the same moment."""
    with TemporaryDirectory(prefix="throughput-") as folder:
        places = [Path(folder, str(number)) for number in range(at_once)]
        for number, place in enumerate(places):
            fill_inbox(inbox.of(scans=1 + number % 2), place / "inbox")
        started = time.perf_counter()
        running = [
            subprocess.Popen(
                [sys.executable, "-m", "pipeline", "restore", place / "inbox", place / "out", "--json"],
                cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
            for place in places
        ]  # fmt: skip
        ended = []
        for program in running:
            if program.wait():
                raise SystemExit("a run that was started at once with others failed")
            ended.append(time.perf_counter() - started)
        images = sum(len(list((place / "inbox").glob("*.mask.png"))) for place in places)
    return {"at_once": at_once, "images": images, "last": max(ended), "seconds_an_image": max(ended) / images}


def memory(counts: Iterable[int]) -> list[dict[str, float]]:
    """Return the peak memory of runs on more and more small scans: what grows with a collection, not with a scan."""
    rows = []
    for count in counts:
        with TemporaryDirectory(prefix="throughput-") as folder:
            source = fill_inbox(Inbox(count, megapixels=0.02), Path(folder, "inbox"))
            ran = _restore(source, Path(folder, "out"))
        rows.append({"scans": count, "peak": ran.peak, "clock": ran.clock, "processors": ran.processors})
        print(f"{count} scans: {ran.peak:.0f} MiB", file=sys.stderr, flush=True)
    return rows


def report(counts: Iterable[int]) -> list[dict[str, float]]:
    """Return what writing the report of more and more scans takes, and its peak memory."""
    rows = []
    for count in counts:
        ran = measure_program(["benchmarks.throughput.report_alone", str(count)])
        rows.append({"scans": count, "peak": ran.peak, "clock": ran.clock, "processors": ran.processors, **ran.answer})
        print(f"report of {count} scans: {ran.peak:.0f} MiB", file=sys.stderr, flush=True)
    return rows


def airflow(inbox: Inbox) -> dict[str, Any]:
    """Return a night in a real Airflow beside the same scans in the shell."""
    with TemporaryDirectory(prefix="throughput-") as folder:
        source = fill_inbox(inbox, Path(folder, "inbox"))
        ran = _restore(source, Path(folder, "out"))
        found = night(source, Path(folder, "airflow"))
    return {"scans": inbox.scans, "shell": ran.clock, **vars(found), "over_shell": found.run / ran.clock}


def _restore(source: Path, output: Path, precision: str = "auto") -> Ran:
    """Return what a run of `restore` took."""
    given = {"RESTORATION_NETWORK_PRECISION": precision}
    return measure_program(["benchmarks.throughput.shell_run", str(source), str(output)], given)


def _alone(source: Path, precision: str) -> dict[str, Any]:
    """Return what the network alone takes on the damage of an inbox."""
    given = {"RESTORATION_NETWORK_PRECISION": precision}
    return measure_program(["benchmarks.throughput.network_alone", str(source)], given).answer
