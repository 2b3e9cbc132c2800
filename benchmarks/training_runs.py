"""Options and start of the benchmarks that train networks."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import torch

from benchmarks.arguments import benchmark_parser
from benchmarks.results_page import Results, publish
from pipeline.errors import RestorationError


def training_parser(name: str, description: str | None, steps: int) -> argparse.ArgumentParser:
    """Return the parser of `python -m benchmarks.NAME` with the options of these benchmarks.

    Args:
        name: of the benchmark's module.
        description: the module's docstring.
        steps: of each network, where `--steps` does not say otherwise.
    """
    parser = benchmark_parser(name, description, data="photos and artefacts", needs_data=False)
    add_run(parser)
    add = parser.add_argument
    add("--steps", type=int, default=steps, help=f"of each network (default {steps})")
    add("--batch", type=int, default=6, help="crops a step (default 6)")
    add("--crop", type=int, default=192, help="side of a crop (default 192)")
    add("--exclude", action="append", default=[], metavar="PATTERN", help="photographs left out, see `train detector`")
    # One: where other work runs beside it, so small a network is several times as slow on two cores as on one.
    add("--threads", type=int, default=1, help="cores to train on (default 1)")
    return parser


def add_run(parser: argparse.ArgumentParser) -> None:
    """Add the options of a benchmark that trains networks and keeps each finished one in a folder."""
    parser.add_argument("--out", required=True, type=Path, metavar="RUN", help="folder that keeps what is finished")
    parser.add_argument("--report", action="store_true", help="train nothing, only report what RUN holds")


def run_training(
    name: str, measure: Callable[[argparse.Namespace], Results], parser: argparse.ArgumentParser, words: Sequence[str]
) -> int:
    """Measure and publish; return the exit code, 2 with the reason on standard error when it cannot begin.

    Args:
        name: of the benchmark's module.
        measure: trains what is not finished, and returns the results; uses `given.report`.
        parser: of the benchmark.
        words: the arguments.
    """
    given = parser.parse_args(words)
    if not given.report and given.data is None:
        parser.error("--data (or BENCH_DATA) is needed to train")
    torch.set_num_threads(getattr(given, "threads", 1))
    cv2.setNumThreads(1)
    try:
        results = measure(given)
    except (RestorationError, ValueError, OSError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    publish(name, results, given, words)
    return 0
