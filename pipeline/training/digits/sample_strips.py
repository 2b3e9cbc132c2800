"""Strips of digits for the report: each a PNG with a row of digits, enlarged so that their pixels can be seen."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.training.digits.datasets import SIDE, Digits
from pipeline.training.digits.evaluate import Evaluation
from pipeline.training.digits.holes import centred_hole

ZOOM = 4
GAP = 2
PAPER = 255
CUT = 118
"""The grey in which a hole is shown: neither ink nor paper."""

COLUMNS = 12


@dataclass(frozen=True)
class Sheet:
    """Some digits, each from cut to filled to original.

    Attributes:
        title, note: what is shown.
        captions: one per column.
        rows: label and PNG of each strip, from the masked digits to the originals.
    """

    title: str
    note: str
    captions: tuple[str, ...]
    rows: tuple[tuple[str, bytes], ...]


def strip(images: NDArray[np.uint8]) -> bytes:
    """A PNG with the digits (N,28,28) uint8 in one row of ``COLUMNS`` places, each pixel four wide."""
    height, width = SIDE + GAP, COLUMNS * (SIDE + GAP)
    row = np.full((height, width), PAPER, np.uint8)
    for index, image in enumerate(images[:COLUMNS]):
        left = index * (SIDE + GAP) + GAP // 2
        row[GAP // 2 : GAP // 2 + SIDE, left : left + SIDE] = image
    enlarged = row.repeat(ZOOM, axis=0).repeat(ZOOM, axis=1)
    stream = io.BytesIO()
    Image.fromarray(enlarged).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def examples(
    digits: Digits, evaluation: Evaluation, size: int, methods: tuple[str, ...], labels: dict[str, str], seed: int
) -> Sheet:
    """Digits drawn by chance, one of each kind and two more: nothing is picked for its beauty."""
    rng = np.random.default_rng((seed, size))
    chosen: list[int] = []
    for kind in range(10):
        places = np.flatnonzero(digits.labels == kind)
        if places.size:
            chosen.append(int(rng.choice(places)))
    others = np.setdiff1d(np.arange(len(digits)), chosen)
    chosen += rng.choice(others, size=min(COLUMNS - len(chosen), others.size), replace=False).tolist()
    return _sheet(
        digits,
        evaluation,
        size,
        methods,
        labels,
        chosen,
        f"Drawn by chance, {size}×{size}",
        "One digit of each kind and two more.",
    )


def failures(
    digits: Digits, evaluation: Evaluation, size: int, methods: tuple[str, ...], labels: dict[str, str], method: str
) -> Sheet:
    """The first digits of the test set that are misread after ``method`` filled them."""
    wrong = np.flatnonzero(evaluation.verdicts[method, size] != digits.labels)
    shown = wrong[:COLUMNS].tolist()
    return _sheet(
        digits,
        evaluation,
        size,
        methods,
        labels,
        shown,
        f"Failures of {labels[method]}, {size}×{size}",
        f"The first {len(shown)} of {len(wrong)} digits that the judge misreads after this fill, in the order of the "
        f"set; below each, what it is and what was read.",
        method,
    )


def _sheet(
    digits: Digits,
    evaluation: Evaluation,
    size: int,
    methods: tuple[str, ...],
    labels: dict[str, str],
    chosen: list[int],
    title: str,
    note: str,
    method: str | None = None,
) -> Sheet:
    """A sheet of the digits with these numbers."""
    masked = digits.images[chosen].copy()
    masked[:, centred_hole(size)] = CUT
    rows = [("cut", strip(masked))]
    rows += [(labels[name], strip(evaluation.filled[name, size][chosen])) for name in methods]
    rows.append(("original", strip(digits.images[chosen])))
    if method is None:
        captions = tuple(str(digits.labels[index]) for index in chosen)
    else:
        read = evaluation.verdicts[method, size]
        captions = tuple(f"{digits.labels[index]} → {read[index]}" for index in chosen)
    return Sheet(title, note, captions, tuple(rows))
