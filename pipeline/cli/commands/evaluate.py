"""`evaluate CLEAN MASKS`: engines side by side against known originals."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from pipeline.cli.uris import refuse_overlap

SHOWN = ("psnr", "psnr_95", "ssim", "l1", "psnr_hole", "ssim_hole", "l1_hole", "sharpness", "seconds")
DEFAULT_ENGINES = ("rn", "telea", "navier-stokes", "biharmonic", "prior")


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "evaluate",
        help="PSNR, SSIM and L1 of the engines against clean pictures",
        description="Damages clean pictures with the masks, restores them with each engine, and prints PSNR (dB, with"
        " the 95 % interval over pictures), SSIM and L1, whole and in the hole only, by hole-ratio bin. Masks are"
        " paired with pictures by path and stem where the names agree, else in turn.",
    )
    parser.add_argument("clean", type=Path, help="folder of undamaged pictures")
    parser.add_argument("masks", type=Path, help="folder of masks, 255 = hole")
    parser.add_argument(
        "--engine", action="append", metavar="NAME", help=f"may be repeated; default {', '.join(DEFAULT_ENGINES)}"
    )
    parser.add_argument("--csv", type=Path, help="write one line per picture and engine to this file")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.set_defaults(func=run)


def _progress(count: list[int]) -> None:
    count[0] += 1
    if sys.stderr.isatty():
        print(f"\r{count[0]} restorations measured", end="", file=sys.stderr, flush=True)


def run(args: argparse.Namespace) -> int:
    """The exit code: 0, or 2 when there is nothing to evaluate or an engine cannot be loaded."""
    from pipeline.errors import RestorationError
    from pipeline.evaluation.evaluate import evaluate, summarise
    from pipeline.evaluation.evaluation_cases import pair_cases

    count = [0]
    try:
        if args.csv:
            refuse_overlap(str(args.csv), str(args.clean), str(args.masks))
        frame = evaluate(
            pair_cases(args.clean, args.masks),
            tuple(args.engine or DEFAULT_ENGINES),
            seen=lambda case, name, restored: _progress(count),
        )
        if frame.empty:
            raise ValueError("no mask has a hole: there is nothing to evaluate")
        if args.csv:
            frame.to_csv(args.csv, index=False)
    except (RestorationError, ValueError, OSError) as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 2
    if sys.stderr.isatty():
        print(file=sys.stderr)
    by_bin = summarise(frame)
    overall = summarise(frame.assign(bin="all"))
    for table in (by_bin, overall):
        print(table[["pictures", *SHOWN]].to_string(float_format=lambda value: f"{value:.4g}"), end="\n\n")
    if args.json:
        means = overall.droplevel(0)
        figures = {str(name): {key: float(row[key]) for key in SHOWN} for name, row in means.iterrows()}
        print(json.dumps({"pictures": int(frame["picture"].nunique()), "engines": figures}))
    return 0
