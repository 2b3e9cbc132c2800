"""A sheet of pictures from the validation set: what a run makes of them at present."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from pipeline.training.validation import Pictures, ValidationSet

GAP = 4


def draw_sheet(data: ValidationSet, columns: dict[str, Pictures], target: Path, *, rows: int = 10) -> Path:
    """The path of a PNG with one row per picture: damaged, each of ``columns`` (N,S,S,3) float32, the truth."""
    shown = range(min(rows, len(data.pictures)))
    lines = []
    for index in shown:
        hole, truth = data.holes[index, :, :, None], data.pictures[index]
        magenta = np.array([1.0, 0.0, 1.0], np.float32)
        cells = [np.where(hole, magenta, truth)]
        cells += [np.where(hole, np.clip(pictures[index], 0, 1), truth) for pictures in columns.values()]
        cells.append(truth)
        padded = [np.pad(cell, ((0, GAP), (0, GAP), (0, 0)), constant_values=1.0) for cell in cells]
        lines.append(np.hstack(padded))
    sheet = np.rint(np.vstack(lines) * 255).astype(np.uint8)
    titles = np.full((24, sheet.shape[1], 3), 255, np.uint8)
    width = data.pictures.shape[2] + GAP
    for index, name in enumerate(["damaged", *columns, "truth"]):
        cv2.putText(titles, name, (index * width + 4, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    cv2.imwrite(str(target), np.vstack([titles, sheet])[:, :, ::-1])
    return target
