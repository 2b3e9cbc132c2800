"""`train inpainter|detector|digits …`: training with resume."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

from pipeline.cli.progress import show_progress
from pipeline.cli.training_arguments import add_mean, add_run, budget_of, check_run


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the verb and what it can train."""
    parser = subparsers.add_parser("train", help="train a network, with checkpoints and resume")
    what = parser.add_subparsers(dest="network", required=True, metavar="inpainter|detector|digits")
    _add_inpainter(what)
    for name in ("detector", "digits"):
        # Each of the others brings its own arguments in a module of its own.
        module = f"pipeline.cli.commands.train_{name}"
        if importlib.util.find_spec(module) is not None:
            importlib.import_module(module).add_parser(what)


def _add_inpainter(what: argparse._SubParsersAction[Any]) -> None:
    parser = what.add_parser(
        "inpainter",
        help="the network of the engine rn",
        description="Trains the inpainting network on the photographs below a folder. Checkpoint, curves, samples,"
        " weights and model card are written to --out; the same command with --resume goes on after any break, on"
        " the same or another device. Ctrl-C saves and stops.",
    )
    parser.add_argument("photos", type=Path, nargs="?", help="folder of photographs; sub-folders are read too")
    add_run(parser)
    parser.add_argument(
        "--epochs", action="store_true", help="train nothing, write loss and PSNR per epoch of the run in --out"
    )
    parser.add_argument(
        "--size", choices=("light", "deep", "medium", "wide"),
        help="default medium, or that of --init; deep contains light, wide contains deep: they go on from such weights",
    )  # fmt: skip
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto (default)")
    parser.add_argument("--batch", type=int, default=8, help="crops a step (default 8)")
    parser.add_argument(
        "--crop", type=int, default=128, help="side of a crop in pixels, a multiple of 32 (default 128)"
    )
    parser.add_argument("--rate", type=float, help="peak learning rate (default 1e-3, with --sharp 1e-4)")
    parser.add_argument(
        "--decibels", type=float, default=0.0, metavar="WEIGHT",
        help="also lower the hole's squared error in decibel, what a mean of PSNR measures (default 0; .02 weighs twice"
        " the other terms); for the end of a run",
    )  # fmt: skip
    parser.add_argument("--threads", type=int, default=2, help="cores to train on (default 2)")
    parser.add_argument("--seed", type=int, default=1, help="default 1")
    parser.add_argument("--artefacts", type=Path, help="folder of scanned film artefacts (PNG alpha planes by kind)")
    parser.add_argument("--sharp", action="store_true", help="the last phase, for texture, from --weights")
    parser.add_argument("--weights", type=Path, help="where --sharp begins (default: the shipped faithful weights)")
    add_mean(
        parser,
        "before it is measured and written: those it began from or, with --sharp and for less of it, the faithful ones",
    )
    parser.set_defaults(func=train_inpainter)


def train_inpainter(args: argparse.Namespace) -> int:
    """The exit code: 0 when the budget is used or the run was stopped and saved, 2 when it cannot begin."""
    from pipeline.errors import RestorationError
    from pipeline.rn.weights import DEFAULT
    from pipeline.training.common.checkpoint import CHECKPOINT, read_state
    from pipeline.training.inpainter.epochs import write_epochs
    from pipeline.training.inpainter.loop import InpainterOptions
    from pipeline.training.inpainter.losses import LossWeights
    from pipeline.training.inpainter.run import train_inpainter as train

    device = args.device
    if device == "auto":
        import torch

        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        if args.epochs:
            print(write_epochs(args.out))
            return 0
        if args.photos is None:
            raise ValueError("name the folder of photographs")
        if args.crop % 32:
            raise ValueError("--crop must be a multiple of 32")
        check_run(args)
        if args.sharp and args.init:
            raise ValueError("--init is for the faithful phase; --sharp begins from --weights")
        begins = bool(args.sharp or args.init)
        options = InpainterOptions(
            out=args.out,
            budget=budget_of(args),
            size=args.size
            or (read_state(args.out / CHECKPOINT).facts["size"] if args.resume else "" if begins else "medium"),
            crop=args.crop,
            batch=args.batch,
            peak_rate=args.rate or (1e-4 if args.sharp else 1e-3),
            seed=args.seed,
            device=device,
            artefacts=args.artefacts,
            threads=args.threads,
            weights=LossWeights(decibels=args.decibels),
            mean_with=args.mean_with,
            mean_share=args.mean_share,
        )

        weights = train(
            args.photos,
            options,
            resume=args.resume,
            sharp=args.sharp,
            start=(args.weights or DEFAULT) if args.sharp else args.init,
            report=show_progress,
            validated=lambda text: print(text, file=sys.stderr, flush=True),
        )
    except (RestorationError, ValueError, OSError) as error:
        print(f"train: {error}", file=sys.stderr)
        return 2
    print(weights)
    return 0
