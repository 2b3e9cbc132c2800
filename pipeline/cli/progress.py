"""The line that a training run shows of its progress."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pipeline.cli.time_limit import duration

if TYPE_CHECKING:
    from pipeline.training.common.progress import Report


def show_progress(line: Report) -> None:
    """Print a line of progress to stderr; on a terminal the next one overwrites it."""
    left = duration(line.left_seconds)
    text = (
        f"step {line.step:>7,}  {line.progress:6.1%}  loss {line.loss:.4f}  rate {line.rate:.1e}"
        f"  {line.steps_per_second:.2f} steps/s  waiting for data {line.waiting:.1%}  left {left}"
    )
    end = "\r" if sys.stderr.isatty() else "\n"
    print(text, end=end, file=sys.stderr, flush=True)
