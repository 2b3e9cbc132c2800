"""Logs of a training run: CSV files that grow by one row at a time and are read back as a table."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.atomic_write import atomic_path

if TYPE_CHECKING:
    import pandas as pd


def append_row(path: Path, row: Mapping[str, float]) -> None:
    """Append a row to a CSV file.

    A new file starts with a header. A column that the header lacks (a run resumed with another loss) is added to it;
    earlier rows are then empty there.
    """
    header = _header(path)
    columns = [*header, *(name for name in row if name not in header)]
    if header and columns != header:
        _add_columns(path, columns)
    with path.open("a", newline="") as opened:
        writer = csv.DictWriter(opened, columns)
        if not header:
            writer.writeheader()
        writer.writerow(row)


def read_rows(path: Path) -> pd.DataFrame:
    """Return the rows of a run's ``progress.csv`` or ``validation.csv`` as numbers, ascending by step.

    A run that was killed repeats the steps since its checkpoint: of rows with the same step the last one counts. A row
    with another number of fields than the header is still being written and is left out. Raises ``OSError`` when there
    is no such file.
    """
    import pandas as pd

    with path.open(newline="") as opened:
        header, *lines = list(csv.reader(opened)) or [[]]
    rows = [dict(zip(header, line, strict=True)) for line in lines if len(line) == len(header)]
    frame = pd.DataFrame(rows).apply(pd.to_numeric)
    ordered: pd.DataFrame = frame.drop_duplicates("step", keep="last").sort_values("step") if rows else frame
    return ordered


def _header(path: Path) -> list[str]:
    """Return the columns of a file; none when it does not exist or is empty."""
    if not path.exists():
        return []
    with path.open(newline="") as opened:
        return next(csv.reader(opened), [])


def _add_columns(path: Path, columns: list[str]) -> None:
    """Write the file again with these columns, which begin with its own."""
    with path.open(newline="") as opened:
        rows = list(csv.reader(opened))[1:]
    with atomic_path(path) as temporary, Path(temporary).open("w", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(columns)
        writer.writerows([*row, *[""] * (len(columns) - len(row))] for row in rows)
