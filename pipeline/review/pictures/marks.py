"""The marks of a result: connected components of its masks, with what the detector said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.imaging.orientation import upright_box
from pipeline.review.pictures.sources import Source

MOST = 2000
"""Marks that are shown of one picture, the largest: a page with more of them would not move."""


@dataclass(frozen=True)
class Mark:
    """One connected component of the open marks.

    Attributes:
        box: x, y, width, height, upright.
        runs: row, first column and the column behind the last of each of its runs, one after another.
        kind, probability, reason, left: the detector's; empty and None where it says nothing. The reason is an English
            sentence, `left` the word for what keeps the mark from being filled.
    """

    id: int
    box: tuple[int, int, int, int]
    area: int
    runs: list[int]
    kind: str
    probability: float | None
    reason: str
    left: str


def open_marks(source: Source) -> list[Mark]:
    """Return the marks that were not filled, the largest first."""
    found = source.open()
    order = np.argsort(-found.areas, kind="stable")[:MOST]
    described = _Descriptions(source)
    marks = []
    for number in order:
        box = tuple(int(value) for value in found.boxes[number])
        told = described.of(box)  # type: ignore[arg-type]
        marks.append(
            Mark(
                id=int(number),
                box=box,  # type: ignore[arg-type]
                area=int(found.areas[number]),
                runs=flat_runs(*found.runs(int(number))),
                kind=str(told.get("kind", "")),
                probability=told.get("probability"),
                reason=str(told.get("reason", "")),
                left=str(told.get("left", "")),
            )
        )
    return marks


def flat_runs(rows: NDArray[np.int64], first: NDArray[np.int64], last: NDArray[np.int64]) -> list[int]:
    """Return runs as one list: row, first column, column behind the last, of each in turn."""
    runs: list[int] = np.stack([rows, first, last], axis=1).ravel().tolist()
    return runs


def runs_of(plane: NDArray[np.uint8]) -> list[int]:
    """Return the runs of everything that is not 0 in a plane (H,W)."""
    padded = np.zeros((plane.shape[0], plane.shape[1] + 2), np.int8)
    padded[:, 1:-1] = plane > 0
    edges = np.diff(padded, axis=1)
    rows, first = np.nonzero(edges == 1)
    last = np.nonzero(edges == -1)[1]
    return flat_runs(rows, first, last)


def draw_runs(plane: NDArray[np.uint8], runs: Sequence[int], value: int) -> None:
    """Set runs in a plane (H,W); what lies outside it is left out.

    Raises:
        ValueError: the list is not one of runs.
    """
    if len(runs) % 3:
        raise ValueError("runs are rows, first columns and ends, three numbers each")
    height, width = plane.shape
    for row, first, last in np.asarray(runs, np.int64).reshape(-1, 3).tolist():
        if 0 <= row < height:
            plane[row, max(0, first) : max(0, min(width, last))] = value


class _Descriptions:
    """What the sidecar says of components, found by the box that overlaps most."""

    def __init__(self, source: Source) -> None:
        told = source.components
        if source.restored_uri:
            told = [one for one in told if one.get("level") != "repair"] or told
        self._components: list[dict[str, Any]] = told
        self._boxes = np.array(
            [upright_box(one["box"], source.width, source.height, source.orientation) for one in told], np.int64
        ).reshape(-1, 4)

    def of(self, box: tuple[int, int, int, int]) -> dict[str, Any]:
        if not len(self._boxes):
            return {}
        x, y, width, height = box
        left = np.maximum(self._boxes[:, 0], x)
        top = np.maximum(self._boxes[:, 1], y)
        right = np.minimum(self._boxes[:, 0] + self._boxes[:, 2], x + width)
        bottom = np.minimum(self._boxes[:, 1] + self._boxes[:, 3], y + height)
        shared = np.clip(right - left, 0, None) * np.clip(bottom - top, 0, None)
        best = int(shared.argmax())
        return self._components[best] if shared[best] > 0 else {}
