"""Sheets of pictures to look at: damaged, as filled by each engine, and the truth, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

GAP = 4
LINE = 20
"""Height of a line of words in pixels."""
MAGENTA = (255, 0, 255)

Cell = NDArray[np.uint8]


def highlight_hole(picture: Cell, hole: NDArray[np.bool_]) -> Cell:
    """A copy of the picture (H,W,3) uint8 whose hole (H,W) is magenta."""
    return np.where(hole[:, :, None], np.array(MAGENTA, np.uint8), picture)


def write_sheet(
    target: Path, titles: Sequence[str], rows: Sequence[Sequence[Cell]], words: Sequence[Sequence[str]] = ()
) -> Path:
    """The path of an image with one row per picture and the titles above.

    Cells are (S,S,3) uint8, all of one size. ``words`` gives each cell of a row a line below it.
    """
    lines = [_line(titles, rows[0][0].shape[1])]
    for index, row in enumerate(rows):
        lines.append(np.hstack([np.pad(cell, ((0, GAP), (0, GAP), (0, 0)), constant_values=255) for cell in row]))
        if words:
            lines.append(_line(words[index], row[0].shape[1]))
    cv2.imwrite(str(target), np.vstack(lines)[:, :, ::-1])
    return target


def _line(words: Sequence[str], width: int) -> Cell:
    line = np.full((LINE, len(words) * (width + GAP), 3), 255, np.uint8)
    for index, text in enumerate(words):
        place = (index * (width + GAP) + 3, LINE - 6)
        cv2.putText(line, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return line
