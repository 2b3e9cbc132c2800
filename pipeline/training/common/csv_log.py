"""The figures that a run writes on its way: CSV files that grow by a row at a time, and are read back as a table."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = [
    "step", "seconds", "pixels", "rate", "loss",
    "hole", "everywhere", "gradient", "coarse", "prior", "rmse", "spectrum",
]  # fmt: skip
"""The columns of ``progress.csv`` at present."""
LAYOUTS = (COLUMNS, [*COLUMNS, "decibels"])
"""Without the loss in decibel and with it: a run may be resumed with another choice than it began with."""


def append_row(path: Path, row: Mapping[str, float]) -> None:
    """Append a row to a CSV file; a file that is not there yet begins with the row's names."""
    fresh = not path.exists()
    with path.open("a", newline="") as opened:
        writer = csv.writer(opened)
        if fresh:
            writer.writerow(row)
        writer.writerow(row.values())


def read_rows(path: Path) -> pd.DataFrame:
    """The rows of a run's ``progress.csv`` or ``validation.csv``, ascending by step, as numbers.

    A run that was killed repeats the steps since its checkpoint; what it wrote last counts. A row with another number
    of fields than the header was written after a change of the program and has columns of :data:`LAYOUTS`, or is
    only half there as yet and left out. Raises ``OSError`` where there is no such file.
    """
    import pandas as pd

    with path.open(newline="") as opened:
        header, *lines = list(csv.reader(opened)) or [[]]
    names = {len(layout): layout for layout in (*LAYOUTS, header)}
    rows = [dict(zip(names[len(line)], line, strict=True)) for line in lines if len(line) in names]
    frame = pd.DataFrame(rows).apply(pd.to_numeric)
    ordered: pd.DataFrame = frame.drop_duplicates("step", keep="last").sort_values("step") if rows else frame
    return ordered
