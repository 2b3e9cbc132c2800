"""The figures of the report: loss curves, and rows of enlarged digits."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.reports import charts
from pipeline.reports.palette import ACCENT, INK, RULE, SOFT
from pipeline.training.digits.datasets import SIDE, Digits
from pipeline.training.digits.evaluate import Evaluation
from pipeline.training.digits.holes import centred_hole

LINES = {
    "generator": ("generator", ACCENT, "-"),
    "discriminator": ("discriminator", INK, (0, (3, 1.5))),
    "reconstruction": ("reconstruction", SOFT, (0, (1, 1))),
}
"""Label, colour and dashes of each loss: they can be distinguished without colour as well."""

SMOOTH = 5
"""Points of the moving average."""

ZOOM = 4
GAP = 2
PAPER = 255
CUT = 118
"""The grey in which a hole is shown: neither ink nor paper."""

COLUMNS = 12


@dataclass(frozen=True)
class Sheet:
    """Some digits, from masked to filled to original.

    Attributes:
        title, note: heading and explanation.
        captions: one per column.
        rows: label and PNG of each strip, from the masked digits to the originals.
    """

    title: str
    note: str
    captions: tuple[str, ...]
    rows: tuple[tuple[str, bytes], ...]


def strip(images: NDArray[np.uint8]) -> bytes:
    """Return a PNG of the digits (N,28,28) uint8 in a row of ``COLUMNS`` cells, each pixel enlarged to 4×4."""
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
    """Return a sheet of randomly drawn digits, one of each class and two more."""
    rng = np.random.default_rng((seed, size))
    chosen: list[int] = []
    for kind in range(10):
        members = np.flatnonzero(digits.labels == kind)
        if members.size:
            chosen.append(int(rng.choice(members)))
    others = np.setdiff1d(np.arange(len(digits)), chosen)
    chosen += rng.choice(others, size=min(COLUMNS - len(chosen), others.size), replace=False).tolist()
    return _sheet(
        digits,
        evaluation,
        size,
        methods,
        labels,
        chosen,
        f"Drawn at random, {size}×{size}",
        "One digit of each class and two more.",
    )


def failures(
    digits: Digits, evaluation: Evaluation, size: int, methods: tuple[str, ...], labels: dict[str, str], method: str
) -> Sheet:
    """Return a sheet of the first test digits that are misread after ``method`` filled them."""
    wrong = np.flatnonzero(evaluation.predictions[method, size] != digits.labels)
    shown = wrong[:COLUMNS].tolist()
    return _sheet(
        digits,
        evaluation,
        size,
        methods,
        labels,
        shown,
        f"Failures of {labels[method]}, {size}×{size}",
        f"The first {len(shown)} of {len(wrong)} digits that the classifier misreads after this fill, in the order of "
        f"the set; below each, its label and what was read.",
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
    """Return a sheet of the digits with these indices."""
    masked = digits.images[chosen].copy()
    masked[:, centred_hole(size)] = CUT
    rows = [("cut", strip(masked))]
    rows += [(labels[name], strip(evaluation.filled[name, size][chosen])) for name in methods]
    rows.append(("original", strip(digits.images[chosen])))
    if method is None:
        captions = tuple(str(digits.labels[index]) for index in chosen)
    else:
        read = evaluation.predictions[method, size]
        captions = tuple(f"{digits.labels[index]} → {read[index]}" for index in chosen)
    return Sheet(title, note, captions, tuple(rows))


def loss_chart(curves: dict[str, list[float]]) -> bytes:
    """Return an SVG with every loss of a run by step, smoothed over ``SMOOTH`` points."""
    steps = np.asarray(curves["step"])
    with charts.drawing() as canvas:
        axes = canvas.axes
        for name, (label, colour, dashes) in LINES.items():
            values = np.asarray(curves.get(name, []))
            # A loss that takes part only later is 0 before.
            seen = values != 0
            if not seen.any():
                continue
            window = min(SMOOTH, int(seen.sum()))
            kernel = np.full(window, 1 / window)
            smooth = np.convolve(values[seen], kernel, mode="valid")
            axes.plot(steps[seen][window - 1 :], smooth, color=colour, linestyle=dashes, linewidth=1, label=label)
        axes.set_ylim(bottom=0)
        axes.set_xlim(0, steps[-1])
        axes.grid(axis="y", color=RULE, linewidth=0.4)
        axes.set_axisbelow(True)
        axes.set_xlabel("step")
        axes.set_ylabel("loss")
        axes.legend(frameon=False, loc="best", labelcolor=INK, handlelength=2.4)
    return canvas.svg
