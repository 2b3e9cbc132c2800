"""What benchmarks that train small detectors have in common: their options, and how they answer."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import torch

from pipeline.errors import RestorationError


def parser_of(name: str, description: str | None, steps: int) -> argparse.ArgumentParser:
    """Return the parser of `python -m benchmarks.NAME` with the options that all have; `steps` is their default."""
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    place = os.environ.get("BENCH_DATA")
    add("--data", type=Path, default=Path(place) if place else None, required=not place, help="default: BENCH_DATA")
    add("--out", type=Path, required=True, help="folder for checkpoints, figures and table")
    add("--steps", type=int, default=steps, help=f"of each network (default {steps})")
    add("--batch", type=int, default=6, help="crops a step (default 6)")
    add("--crop", type=int, default=192, help="side of a crop (default 192)")
    add("--exclude", action="append", default=[], metavar="PATTERN", help="photographs left out, see `train detector`")
    # One: where other work runs beside it, so small a network is several times as slow on two cores as on one.
    add("--threads", type=int, default=1, help="cores to train on (default 1)")
    return parser


def answer(name: str, run: Callable[[argparse.Namespace], str], arguments: argparse.Namespace) -> int:
    """Return the exit code: 0 with the table printed that `run` returns, 2 with the reason why it cannot."""
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(1)
    try:
        print(run(arguments))
    except (RestorationError, ValueError, OSError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    return 0
