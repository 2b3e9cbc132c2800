"""Markdown tables of benchmark results."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table; None is an empty cell, floats must be formatted by the caller."""
    lines = [_line(header), "|" + "---|" * len(header)]
    lines += [_line(["" if cell is None else str(cell) for cell in row]) for row in rows]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |".replace("|  |", "| |").replace("|  |", "| |")


def plus_minus(value: float, spread: float, digits: int = 2, sign: str = "") -> str:
    """Return a value with its spread, such as `36.82 ± 0.04`; without it where the spread is not finite.

    Args:
        value: the figure.
        spread: an interval or a standard deviation.
        digits: behind the point.
        sign: `+` shows the sign of positive values too.
    """
    text = f"{value:{sign}.{digits}f}"
    return f"{text} ± {spread:.{digits}f}" if math.isfinite(spread) else text
