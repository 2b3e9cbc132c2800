"""Write contact sheets: damaged, filled by each engine, and the original, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from pipeline.imaging.types import Hole, Picture

#: Pixels between two pictures, and the height of a line of text.
GAP, LINE = 4, 20
MAGENTA = (255, 0, 255)


def highlight_hole(picture: Picture, hole: Hole) -> Picture:
    """Return a copy of the picture (H,W,3) uint8 whose hole (H,W) is magenta."""
    return np.where(hole[:, :, None], np.array(MAGENTA, np.uint8), picture)


def write_sheet(
    target: Path, titles: Sequence[str], rows: Sequence[Sequence[Picture]], captions: Sequence[Sequence[str]] = ()
) -> Path:
    """Write an image with one row of pictures per case, titles above; return its path.

    Args:
        target: path of the image.
        titles: one per column.
        rows: pictures (S,S,3) uint8, all of one size.
        captions: for each row, a line below each picture; empty for none.
    """
    lines = [_line(titles, rows[0][0].shape[1])]
    for index, row in enumerate(rows):
        lines.append(np.hstack([np.pad(picture, ((0, GAP), (0, GAP), (0, 0)), constant_values=255) for picture in row]))
        if captions:
            lines.append(_line(captions[index], row[0].shape[1]))
    cv2.imwrite(str(target), np.vstack(lines)[:, :, ::-1])
    return target


def _line(texts: Sequence[str], width: int) -> Picture:
    line = np.full((LINE, len(texts) * (width + GAP), 3), 255, np.uint8)
    for index, text in enumerate(texts):
        origin = (index * (width + GAP) + 3, LINE - 6)
        cv2.putText(line, text, origin, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return line
