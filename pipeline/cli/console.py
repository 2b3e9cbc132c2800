"""What verbs print: errors, progress, and the JSON line at the end."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pipeline.cli.time_limit import format_duration
from pipeline.errors import RestorationError
from pipeline.escape import error_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from pipeline.training.common.loop import Report


class NothingDone(Exception):
    """A verb cannot begin; the command ends with exit code 2."""


@contextmanager
def nothing_done_on_error() -> Iterator[None]:
    """Turn errors into `NothingDone`, around what a verb does before its work."""
    try:
        yield
    except (RestorationError, OSError, ValueError) as error:
        raise NothingDone(error_line(error)) from error


def print_error(verb: str, message: str) -> None:
    """Print a verb's message on one line of stderr."""
    print(f"{verb}: {message}", file=sys.stderr)


def print_json(values: Mapping[str, Any]) -> None:
    """Print one JSON object on one line of stdout."""
    print(json.dumps(values))


def stdout_console(width: int | None = None) -> Console:
    """Return rich's console on stdout, of the terminal's width by default; long lines are not folded."""
    from rich.console import Console

    class StdoutConsole(Console):
        def on_broken_pipe(self) -> None:
            # Rich ends the process with 1; a closed pipe is not an error, see `pipeline.cli.main`.
            raise BrokenPipeError

    return StdoutConsole(highlight=False, soft_wrap=True, width=width)


def stderr_console() -> Console:
    """Return rich's console on stderr, where everything goes that is not a result."""
    from rich.console import Console

    return Console(stderr=True)


def progress_bar(console: Console) -> Progress:
    """Return a bar that counts and shows the time left; it is drawn on a terminal only."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)


@contextmanager
def training_progress() -> Iterator[Callable[[Report], None]]:
    """Show a training's progress: a bar on a terminal, one line per report in a log.

    Yields:
        a function that takes each report.
    """
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    console = stderr_console()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[figures]}"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("step       0", total=1.0, figures="")

        def show(report: Report) -> None:
            step, loss = f"step {report.step:>7,}", f"loss {report.loss:.4f}"
            speed = f"{report.steps_per_second:.2f} steps/s"
            left = f"left {format_duration(report.left_seconds)}"
            bar.update(task, description=step, completed=report.progress, figures=f"{loss}  {speed}  {left}")
            if not console.is_terminal:
                print_line(
                    f"{step}  {report.progress:6.1%}  {loss}  rate {report.rate:.1e}  {speed}"
                    f"  waiting for data {report.waiting:.1%}  {left}"
                )

        yield show


def print_line(text: str) -> None:
    """Print a line of a long run to stderr."""
    print(text, file=sys.stderr, flush=True)
