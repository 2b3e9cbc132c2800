"""What `train inpainter` and `train detector` share: a run in a folder, its budget, and the mean at its end."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.time_limit import next_time
from pipeline.cli.uris import refuse_overlap

if TYPE_CHECKING:
    from pipeline.training.common.schedule import Budget

STEPS = 20000


def add_run(parser: argparse.ArgumentParser) -> None:
    """Add where a run lies, how long it lasts and where it begins."""
    parser.add_argument("--out", type=Path, required=True, help="folder for the run")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--steps", type=int, help=f"steps in all (default {STEPS})")
    budget.add_argument("--hours", type=float, help="hours of training in all, breaks not counted")
    budget.add_argument("--until", help="time of day (HH:MM, local) at which the cool-down shall be complete")
    parser.add_argument(
        "--init", type=Path, metavar="WEIGHTS", help="begin a new run from weights (*.safetensors), not from chance"
    )


def add_mean(parser: argparse.ArgumentParser, when: str) -> None:
    """Add what the trained network is averaged with; `when` says before what, and with what for instance."""
    parser.add_argument(
        "--mean-with", type=Path, metavar="WEIGHTS", help=f"average the trained network with these weights {when}"
    )
    parser.add_argument(
        "--mean-share", type=float, default=0.5, help="what the trained network counts in that mean (default .5)"
    )


def check_run(args: argparse.Namespace) -> None:
    """Raise `ValueError` for a run in the folder or a bad share, `ConfigurationError` for an overlap."""
    from pipeline.training.common.checkpoint import CHECKPOINT

    for source in (args.photos, args.artefacts):
        refuse_overlap(str(args.out), str(source) if source else None)
    held = (args.out / CHECKPOINT).exists()
    if args.resume and not held:
        raise ValueError(f"there is no checkpoint to resume in {args.out}")
    if held and not args.resume:
        raise ValueError(f"{args.out} holds a run already: add --resume, or choose another folder")
    if not 0 <= args.mean_share <= 1:
        raise ValueError("--mean-share must be 0 to 1")


def budget_of(args: argparse.Namespace) -> Budget:
    """Return how long a run lasts. Raises `ValueError` for a time of day that is none."""
    from pipeline.training.common.schedule import Budget

    until = next_time(args.until) if args.until else None
    unsaid = args.steps is None and args.hours is None and until is None
    return Budget(steps=STEPS if unsaid else args.steps, hours=args.hours, until=until)
