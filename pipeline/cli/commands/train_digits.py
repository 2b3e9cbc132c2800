"""`train digits`: train the digit classifier, the paper's network and ours, and measure them on the test digits."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.arguments import json_option
from pipeline.cli.console import NothingDone, nothing_done_on_error, print_error, print_json, print_line, stderr_console
from pipeline.cli.values import ABOVE_ZERO, PATH, POSITIVE, SEED
from pipeline.cli.verbs import Verb

if TYPE_CHECKING:
    from pipeline.training.digits.run import DigitsResult

# Without a terminal, seconds between two lines of one stage.
LINE_EVERY = 30.0

EPILOG = """\
below OUT: weights/ with model cards, reports/digits/ with PDF, CSV and Parquet, .work/digits/ with the checkpoints

exit codes: 0 done; 2 it could not start (the reason is named); 130 stopped by Ctrl-C (--resume continues)

example: train digits --data mnist/ --out digits/"""


@click.command(cls=Verb, epilog=EPILOG)
@click.option("--data", type=PATH, required=True, help="folder with the four IDX files, plain or .gz")
@click.option("--out", type=PATH, required=True, help="folder for weights, cards, report and checkpoints")
@click.option("--resume", is_flag=True, help="continue from the checkpoints in --out")
@click.option("--seed", type=SEED, default=1, help="default 1")
@click.option("--threads", type=POSITIVE, default=1, help="of torch (default 1, best on a shared machine)")
@click.option("--limit", type=POSITIVE, help="only that many digits of each set, for a trial")
@click.option("--epochs-judge", type=ABOVE_ZERO, help="of the classifier (default: as for the shipped weights)")
@click.option("--epochs-paper", type=ABOVE_ZERO, help="of the paper's network (default: as for the shipped weights)")
@click.option("--epochs-region", type=ABOVE_ZERO, help="of our network (default: as for the shipped weights)")
@click.option("--evaluate", is_flag=True, help="train nothing, measure the weights in --weights on the test digits")
@click.option("--weights", type=PATH, help="folder of weights for --evaluate (default: the shipped ones)")
@json_option
def command(
    data: Path,
    out: Path,
    resume: bool,
    seed: int,
    threads: int,
    limit: int | None,
    epochs_judge: float | None,
    epochs_paper: float | None,
    epochs_region: float | None,
    evaluate: bool,
    weights: Path | None,
    as_json: bool,
) -> int:
    """Train three networks on the four MNIST files of a folder: the classifier on whole digits, the paper's DCGAN and
    our Region Normalization network on digits with their middle cut out.

    Then measure every way of filling on the test digits and write a report.
    """
    from pipeline.training.digits.run import DigitsOptions, measure_digits, train_digits
    from pipeline.weights import SHIPPED

    started = time.monotonic()
    given = {"judge": epochs_judge, "paper": epochs_paper, "region": epochs_region}
    epochs = {name: value for name, value in given.items() if value is not None}
    if weights is not None and not evaluate:
        raise NothingDone("--weights is for --evaluate; training starts at random or, with --resume, from checkpoints")
    checkpoints = out / ".work" / "digits"
    if not evaluate and not resume and checkpoints.exists() and any(checkpoints.iterdir()):
        raise NothingDone(f"{out} already contains a run: add --resume, or choose another folder")
    options = DigitsOptions(
        seed=seed,
        epochs=epochs,
        threads=threads,
        limit=limit,
        resume=resume,
        command=_reproducing_command(seed, threads, limit, epochs, evaluate),
    )
    try:
        with nothing_done_on_error(), _progress() as watch:
            if evaluate:
                result = measure_digits(data, out, options, watch, weights or SHIPPED)
            else:
                result = train_digits(data, out, options, watch)
    except KeyboardInterrupt:
        print_error("train", "stopped; the same command with --resume continues")
        return 130
    _print_table(result)
    if as_json:
        print_json(_as_json(result, time.monotonic() - started))
    return 0


@contextmanager
def _progress() -> Iterator[Callable[[str, float, dict[str, float]], None]]:
    """Show a bar for each stage of the run on a terminal, and a line now and then in a log.

    Yields:
        a function that takes the stage, how far it is (0..1), and its figures.
    """
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    console = stderr_console()
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[figures]}"), TimeElapsedColumn())
    tasks: dict[str, TaskID] = {}
    printed: dict[str, float] = {}
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:

        def watch(what: str, share: float, figures: dict[str, float]) -> None:
            text = "  ".join(f"{name} {value:.3f}" for name, value in figures.items())
            stage = what.split()[0] if what.startswith("measure") else what
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=1.0, figures="")
            bar.update(tasks[stage], completed=share, figures=text or what.removeprefix("measure "))
            due = time.monotonic() - printed.get(stage, 0.0) > LINE_EVERY
            if not console.is_terminal and (not figures or due):
                printed[stage] = time.monotonic()
                print_line(f"{what}  {share:.0%}  {text}".rstrip())

        yield watch


def _reproducing_command(seed: int, threads: int, limit: int | None, epochs: dict[str, float], evaluate: bool) -> str:
    """Return the command that does the same again, for report and cards; without this machine's own paths."""
    words = ["python", "-m", "pipeline", "train", "digits", "--data", "MNIST", "--out", "OUT"]
    words += ["--seed", str(seed)]
    if threads != 1:
        words += ["--threads", str(threads)]
    if limit is not None:
        words += ["--limit", str(limit)]
    for name, value in epochs.items():
        words += [f"--epochs-{name}", f"{value:g}"]
    if evaluate:
        words.append("--evaluate")
    return shlex.join(words)


def _print_table(result: DigitsResult) -> None:
    """Print the figures of every way of filling, and where report and weights are."""
    print(f"{'filled by':<16}{'hole':>7}{'read':>10}{'PSNR':>10}{'SSIM':>8}")
    for row in result.evaluation.rows:
        print(
            f"{row.method:<16}{f'{row.hole}×{row.hole}':>7}{row.accuracy:>10.2%}{row.psnr_hole:>10.2f}{row.ssim_hole:>8.3f}"
        )
    print(f"{'whole digits':<16}{'':>7}{result.evaluation.whole:>10.2%}")
    print(f"report   {result.files.pdf}")
    print(f"weights  {result.weights}")


def _as_json(result: DigitsResult, seconds: float) -> dict[str, Any]:
    """Return the run as plain values."""
    return {
        "table": result.evaluation.table().round(5).to_dict("records"),
        "whole": round(result.evaluation.whole, 5),
        "seconds": round(seconds, 1),
        "training": {
            name: {"seed": one.seed, "steps": one.steps, "seconds": one.seconds, "sha256": one.digest}
            for name, one in result.records.items()
        },
        "report": str(result.files.pdf),
        "weights": str(result.weights),
    }
