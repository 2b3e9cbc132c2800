"""The loss curves, in the style of the report's other charts."""

from __future__ import annotations

import numpy as np

from pipeline.reports import charts
from pipeline.reports.palette import ACCENT, INK, RULE, SOFT

LINES = {
    "generator": ("generator", ACCENT, "-"),
    "discriminator": ("discriminator", INK, (0, (3, 1.5))),
    "reconstruction": ("reconstruction", SOFT, (0, (1, 1))),
}
"""Label, colour and dashes of each loss: told apart without colour as well."""

SMOOTH = 5


def loss_chart(curves: dict[str, list[float]]) -> bytes:
    """An SVG with every loss of a run against the step; the mean of ``SMOOTH`` points at a time."""
    steps = np.asarray(curves["step"])
    with charts.drawing() as canvas:
        axes = canvas.axes
        for name, (label, colour, dashes) in LINES.items():
            values = np.asarray(curves.get(name, []))
            # A loss that only begins later is 0 before.
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
