"""`train digits`: the judge, the paper's network and ours, measured on the test digits."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from pipeline.cli.uris import refuse_overlap

if TYPE_CHECKING:
    from pipeline.training.digits.run import DigitsResult

NETWORKS = ("judge", "paper", "region")

EPILOG = """\
below OUT: weights/ with model cards, reports/digits/ with PDF, CSV and Parquet, .work/digits/ with the checkpoints
exit codes: 0 done; 2 it could not begin (the reason is named); 130 stopped by Ctrl-C (--resume goes on)"""


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add what `train` can train: digits."""
    parser = subparsers.add_parser(
        "digits",
        help="the networks of the engine dcgan-digits",
        description="Trains three networks on the four MNIST files of a folder: the judge on whole digits, the paper's"
        " DCGAN and our Region Normalization network on digits with their middle cut out. Then measures every way of"
        " filling on the test digits and writes a report.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with the four IDX files, plain or .gz")
    parser.add_argument("--out", type=Path, required=True, help="folder for weights, cards, report and checkpoints")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoints in --out")
    parser.add_argument("--seed", type=int, default=1, help="default 1")
    parser.add_argument("--threads", type=int, default=1, help="of torch (default 1, best on a shared machine)")
    parser.add_argument("--limit", type=int, help="only that many digits of each set, for a trial")
    for name in NETWORKS:
        parser.add_argument(f"--epochs-{name}", type=float, help="default: as for the shipped weights")
    parser.add_argument(
        "--evaluate", action="store_true", help="train nothing, measure the weights in --weights on the test digits"
    )
    parser.add_argument("--weights", type=Path, help="folder of weights for --evaluate (default: the shipped ones)")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.set_defaults(func=run, run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train or measures; return the exit code."""
    from pipeline.engines.digits.weights import SHIPPED
    from pipeline.errors import RestorationError
    from pipeline.training.digits.run import DigitsOptions, measure_digits, train_digits

    started = time.monotonic()
    epochs = {name: value for name in NETWORKS if (value := getattr(arguments, f"epochs_{name}")) is not None}
    problem = _problem(arguments, epochs)
    if problem is not None:
        print(f"train digits: {problem}", file=sys.stderr)
        return 2
    refuse_overlap(str(arguments.out), str(arguments.data))
    options = DigitsOptions(
        seed=arguments.seed,
        epochs=epochs,
        threads=arguments.threads,
        limit=arguments.limit,
        resume=arguments.resume,
        command=_command(arguments, epochs),
    )
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[figures]}"), TimeElapsedColumn())
    try:
        with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
            tasks: dict[str, Any] = {}
            told: dict[str, float] = {}

            def watch(what: str, share: float, figures: dict[str, float]) -> None:
                text = "  ".join(f"{name} {value:.3f}" for name, value in figures.items())
                stage = what.split()[0] if what.startswith("measure") else what
                if stage not in tasks:
                    tasks[stage] = bar.add_task(stage, total=1.0, figures="")
                bar.update(tasks[stage], completed=share, figures=text or what.removeprefix("measure "))
                # In a log a line now and then instead of a bar.
                if not console.is_terminal and (not figures or time.monotonic() - told.get(stage, 0.0) > 30):
                    told[stage] = time.monotonic()
                    print(f"{what}  {share:.0%}  {text}".rstrip(), file=sys.stderr, flush=True)

            if arguments.evaluate:
                result = measure_digits(arguments.data, arguments.out, options, watch, arguments.weights or SHIPPED)
            else:
                result = train_digits(arguments.data, arguments.out, options, watch)
    except KeyboardInterrupt:
        print("train digits: stopped; the same command with --resume goes on", file=sys.stderr)
        return 130
    except (RestorationError, OSError) as error:
        print(f"train digits: {error}", file=sys.stderr)
        return 2
    _tell(result)
    if arguments.json:
        print(json.dumps(_summary(result, time.monotonic() - started)))
    return 0


def _problem(arguments: argparse.Namespace, epochs: dict[str, float]) -> str | None:
    """What is wrong with the arguments, or None."""
    if arguments.limit is not None and arguments.limit < 1:
        return "--limit must be 1 or more"
    if arguments.threads < 1:
        return "--threads must be 1 or more"
    if any(value <= 0 for value in epochs.values()):
        return "epochs must be more than 0"
    if arguments.weights is not None and not arguments.evaluate:
        return "--weights is for --evaluate; training begins anew or, with --resume, from the checkpoints"
    held = arguments.out / ".work" / "digits"
    if not arguments.evaluate and not arguments.resume and held.exists() and any(held.iterdir()):
        return f"{arguments.out} holds a run already: add --resume, or choose another folder"
    return None


def _command(arguments: argparse.Namespace, epochs: dict[str, float]) -> str:
    """The command that does the same again, for report and cards; without this machine's own paths."""
    words = ["python", "-m", "pipeline", "train", "digits", "--data", "MNIST", "--out", "OUT"]
    words += ["--seed", str(arguments.seed)]
    if arguments.threads != 1:
        words += ["--threads", str(arguments.threads)]
    if arguments.limit is not None:
        words += ["--limit", str(arguments.limit)]
    for name, value in epochs.items():
        words += [f"--epochs-{name}", f"{value:g}"]
    if arguments.evaluate:
        words.append("--evaluate")
    return shlex.join(words)


def _tell(result: DigitsResult) -> None:
    """Print the table and where things lie."""
    print(f"{'filled by':<16}{'hole':>7}{'read':>10}{'PSNR':>10}{'SSIM':>8}")
    for row in result.evaluation.rows:
        print(
            f"{row.method:<16}{f'{row.hole}×{row.hole}':>7}{row.accuracy:>10.2%}{row.psnr_hole:>10.2f}{row.ssim_hole:>8.3f}"
        )
    print(f"{'whole digits':<16}{'':>7}{result.evaluation.whole:>10.2%}")
    print(f"report   {result.files.pdf}")
    print(f"weights  {result.weights}")


def _summary(result: DigitsResult, seconds: float) -> dict[str, Any]:
    """The run as one JSON object."""
    return {
        "table": result.evaluation.table().round(5).to_dict("records"),
        "whole": round(result.evaluation.whole, 5),
        "seconds": round(seconds, 1),
        "training": {
            name: {"seed": one.seed, "steps": one.steps, "seconds": one.seconds, "sha256": one.digest}
            for name, one in result.accounts.items()
        },
        "report": str(result.files.pdf),
        "weights": str(result.weights),
    }
