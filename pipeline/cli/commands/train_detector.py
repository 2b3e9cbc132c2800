"""`train detector PHOTOS --out DIR`: training of the learned damage detector, with resume."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.cli.progress import show_progress
from pipeline.cli.training_arguments import add_mean, add_run, budget_of, check_run

if TYPE_CHECKING:
    from pipeline.training.detector.validation import Score


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add `detector` to what can be trained."""
    parser = subparsers.add_parser(
        "detector",
        help="the network of the detector `learned`",
        description="Trains the damage detector on simulated damage over the photographs below a folder. Checkpoint,"
        " curves of loss and Dice, a sheet of held-out pictures, weights and model card are written to --out; the same"
        " command with --resume goes on after any break. Ctrl-C saves and stops.",
    )
    parser.add_argument("photos", type=Path, help="folder of clean photographs; sub-folders are read too")
    add_run(parser)
    add_mean(parser, "before it is calibrated, e.g. those it began from")
    parser.add_argument("--artefacts", type=Path, help="folder of scanned film artefacts (PNG alpha planes by kind)")
    parser.add_argument(
        "--exclude",
        action="append",
        default=[],
        metavar="PATTERN",
        help="leave out pictures with such names below PHOTOS, e.g. those with dust of their own",
    )
    parser.add_argument(
        "--teacher",
        type=Path,
        action="append",
        default=[],
        metavar="WEIGHTS",
        help="correct a trained network (--init) instead of teaching damage: learn what these weights say of mirrored,"
        " turned and smaller copies, and that what --init marks on PHOTOS is undamaged. Pictures that --exclude leaves"
        " out are learned from too, without labels. May be given several times",
    )
    parser.add_argument("--depth", type=int, default=5, help="halvings of the picture in the U-Net (default 5)")
    parser.add_argument("--width", type=int, default=32, help="channels at half size (default 32)")
    parser.add_argument("--widest", type=int, default=128, help="most channels of a level (default 128)")
    parser.add_argument("--batch", type=int, default=6, help="crops a step (default 6)")
    parser.add_argument(
        "--hard", type=int, default=1, help="how many of them are crops that fooled the network before (default 1)"
    )
    parser.add_argument("--crop", type=int, default=256, help="side of a crop in pixels (default 256)")
    parser.add_argument("--rate", type=float, default=2e-3, help="peak learning rate (default 2e-3)")
    parser.add_argument("--epoch", type=int, default=400, help="steps between two looks at held-out pictures")
    parser.add_argument(
        "--threads",
        type=int,
        default=2,
        help="cores to train on (default 2; 1 where other work shares them: each operation waits for the slower core)",
    )
    parser.add_argument("--workers", type=int, default=1, help="processes that draw damage (default 1)")
    parser.add_argument("--seed", type=int, default=7)
    parser.set_defaults(func=train_detector)


def show(score: Score) -> None:
    """Print one line an epoch."""
    from pipeline.training.detector.validation import REPORTED, THRESHOLDS

    text = f"looked at held-out pictures after step {score.step:>7,}  loss {score.loss:.4f}  Dice {score.dice:.3f}"
    precision, recall, clean = (values[REPORTED] for values in (score.precision, score.recall, score.clean))
    text += f"  at {THRESHOLDS[REPORTED]:g}: precision {precision:.3f} recall {recall:.3f} clean {clean:.4%}"
    print(text, file=sys.stderr, flush=True)


def show_looked(count: int, photos: int) -> None:
    """Print one line every hundred photographs that were searched for false marks."""
    if count % 100 == 0 or count == photos:
        print(f"looked for false marks on {count:,} of {photos:,} photographs", file=sys.stderr, flush=True)


def train_detector(args: argparse.Namespace) -> int:
    """The exit code: 0 when the budget is used or the run was stopped and saved, 2 when it cannot begin."""
    import cv2
    import torch

    from pipeline.detection.network import NetworkConfig
    from pipeline.errors import RestorationError
    from pipeline.training.detector.export import export_run
    from pipeline.training.detector.loop import DetectorOptions
    from pipeline.training.detector.loop import train_detector as train

    torch.set_num_threads(args.threads)
    cv2.setNumThreads(1)
    try:
        if not 1 <= args.depth <= 6:
            raise ValueError("--depth must be 1 to 6")
        if args.crop % 2**args.depth:
            raise ValueError(f"--crop must be a multiple of {2**args.depth} at this depth")
        check_run(args)
        if not 0 <= args.hard < args.batch:
            raise ValueError("--hard must be smaller than --batch")
        if args.teacher and args.init is None and not args.resume:
            raise ValueError("--teacher corrects a trained network: name it with --init")
        run = DetectorOptions(
            photos=args.photos,
            work=args.out,
            budget=budget_of(args),
            artefacts=args.artefacts,
            exclude=tuple(args.exclude),
            network=NetworkConfig(args.depth, args.width, args.widest),
            init=args.init,
            mean_with=args.mean_with,
            mean_share=args.mean_share,
            teachers=tuple(args.teacher),
            batch=args.batch,
            hard=args.hard,
            side=args.crop,
            peak=args.rate,
            epoch=args.epoch,
            workers=args.workers,
            seed=args.seed,
        )
        network = train(run, show, show_progress, looked=show_looked)
        weights = export_run(run, network)
    except (RestorationError, ValueError, OSError) as error:
        print(f"train: {error}", file=sys.stderr)
        return 2
    print(weights)
    return 0
