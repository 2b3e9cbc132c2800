"""Draw the charts of a report as SVG, readable in a black-and-white print as well."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.ledger.outcome import Outcome
from pipeline.reports.language import Language
from pipeline.reports.palette import ACCENT, COLOURS, INK, PAPER, RULE, SOFT
from pipeline.reports.typefaces import SHIPPED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MILLIMETRE = 1 / 25.4
SIZE = (84.0, 48.0)
DOTS = 60
"""Up to this many images are drawn as one dot each, more as a histogram."""


def outcome_chart(counts: Mapping[Outcome, int], t: Language) -> bytes:
    """Return a chart with a bar per outcome, labelled with its count."""
    names = [t(f"outcome.{outcome}") for outcome in Outcome]
    values = [counts[outcome] for outcome in Outcome]
    with drawing() as canvas:
        _bars(canvas, names, values, [t.number(value) for value in values], [COLOURS[outcome] for outcome in Outcome])
    return canvas.svg


def stage_chart(seconds: Mapping[str, float], t: Language) -> bytes:
    """Return a chart with a bar per stage: the seconds of work that it took."""
    names = [t(f"stage.{stage}") if t.has(f"stage.{stage}") else stage for stage in seconds]
    values = list(seconds.values())
    with drawing() as canvas:
        _bars(canvas, names, values, [t.duration(value) for value in values], [ACCENT] * len(values))
    return canvas.svg


def coverage_chart(shares: Sequence[float], t: Language) -> bytes:
    """Return the distribution of damaged shares in 0..1, on a logarithmic axis."""
    percent = np.clip(np.asarray(shares, dtype=float) * 100, 0.01, 100)
    low, high = np.floor(np.log10(percent.min()) * 2) / 2, np.ceil(np.log10(percent.max()) * 2) / 2
    edges = np.logspace(low, max(high, low + 1), 15)
    ticks = [tick for tick in (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100) if edges[0] <= tick * 1.001 <= edges[-1] * 1.01]
    labels = [t.percent(tick / 100, 0 if tick >= 1 else len(f"{tick}") - 2) for tick in ticks]
    with drawing() as canvas:
        canvas.axes.set_xscale("log")
        _distribution(canvas, edges, [(percent, ACCENT, "")], t)
        canvas.axes.set_xticks(ticks, labels)
        canvas.axes.set_xticks([], minor=True)
        canvas.axes.set_xlabel(t("chart.coverage_axis"))
    return canvas.svg


def quality_chart(true: Sequence[float], estimated: Sequence[float], t: Language) -> bytes:
    """Return the distribution of PSNR in decibels: measured figures filled, estimates hollow."""
    both = np.asarray([*true, *estimated], dtype=float)
    low, high = np.floor(both.min() / 2) * 2, np.ceil(both.max() / 2) * 2
    edges = np.arange(low, max(high, low + 10) + 1, max(1.0, round((high - low) / 16)))
    groups = [(true, ACCENT, t("chart.true")), (estimated, PAPER, t("chart.estimated"))]
    with drawing() as canvas:
        _distribution(canvas, edges, [(np.asarray(v, dtype=float), c, label) for v, c, label in groups if len(v)], t)
        canvas.axes.set_xlabel(t("chart.quality_axis"))
    return canvas.svg


@dataclass
class Canvas:
    """Axes to draw on, and the finished drawing."""

    axes: Axes
    svg: bytes = b""


@contextmanager
def drawing() -> Iterator[Canvas]:
    """Yield empty axes in the report's style and render them at the end; equal drawings give equal SVG."""
    import matplotlib as mpl
    from matplotlib import font_manager
    from matplotlib.figure import Figure

    if "Inter" not in font_manager.fontManager.get_font_names():
        for path in sorted(SHIPPED.glob("Inter-*.otf")):
            font_manager.fontManager.addfont(str(path))
    style = {
        "font.family": ["Inter", "DejaVu Sans"],
        "font.size": 7.5,
        "text.color": INK,
        "axes.labelcolor": SOFT,
        "axes.edgecolor": RULE,
        "axes.linewidth": 0.6,
        "xtick.color": SOFT,
        "ytick.color": SOFT,
        "xtick.major.size": 2.5,
        "ytick.major.size": 0,
        # Text stays text: sharper than outlines, smaller, and found by a search.
        "svg.fonttype": "none",
        "svg.hashsalt": "report",
    }
    with mpl.rc_context(style):
        # Figure, not pyplot: no window system, no state shared between threads, nothing to close.
        figure = Figure(figsize=(SIZE[0] * MILLIMETRE, SIZE[1] * MILLIMETRE), layout="constrained")
        canvas = Canvas(figure.subplots())
        canvas.axes.spines[["top", "right", "left"]].set_visible(False)
        yield canvas
        target = io.BytesIO()
        figure.savefig(target, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        canvas.svg = target.getvalue()


def _bars(canvas: Canvas, names: list[str], values: Sequence[float], labels: list[str], colours: list[str]) -> None:
    """Draw horizontal bars from top to bottom, each with its label at its end."""
    axes = canvas.axes
    positions = [float(position) for position in range(len(names))]
    axes.barh(positions, values, height=0.62, color=colours, edgecolor=INK, linewidth=0.4)
    top = max([*values, 1e-9])
    for position, value, label in zip(positions, values, labels, strict=True):
        axes.text(value + top * 0.02, position, label, va="center", ha="left", color=INK)
    axes.set_xlim(0, top * 1.22)
    axes.set_yticks(positions, names, color=INK)
    axes.invert_yaxis()
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.axvline(0, color=SOFT, linewidth=0.6)


def _distribution(canvas: Canvas, edges: Any, groups: list[tuple[Any, str, str]], t: Language) -> None:
    """Draw stacked groups of values: a dot per image for up to `DOTS` images, else a histogram."""
    from matplotlib.ticker import MaxNLocator

    axes = canvas.axes
    counts = [np.histogram(values, edges)[0] for values, _, _ in groups]
    total = np.sum(counts, axis=0)
    base = np.zeros(len(edges) - 1)
    logarithmic = axes.get_xscale() == "log"
    centres = np.sqrt(edges[:-1] * edges[1:]) if logarithmic else (edges[:-1] + edges[1:]) / 2
    few = total.sum() <= DOTS and total.max() <= 10
    for (_, colour, label), count in zip(groups, counts, strict=True):
        if few:
            x = np.repeat(centres, count)
            y = np.concatenate([b + np.arange(n) + 0.5 for b, n in zip(base, count, strict=True)])
            axes.scatter(x, y, s=22, color=colour, edgecolor=INK, linewidth=0.5, label=label or None, clip_on=False)
        else:
            axes.bar(
                edges[:-1], count, np.diff(edges), base, align="edge", color=colour, edgecolor=INK, linewidth=0.5,
                label=label or None,
            )  # fmt: skip
        base += count
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(0, max(total.max() * 1.12, 6 if few else 1))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    if not logarithmic:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, steps=[1, 2, 5, 10]))
    axes.set_axisbelow(True)
    axes.grid(axis="y", color=RULE, linewidth=0.4)
    axes.set_ylabel(t("chart.images_axis"))
    if any(label for _, _, label in groups):
        axes.legend(frameon=False, loc="upper left", handletextpad=0.4, borderaxespad=0, labelcolor=INK)
