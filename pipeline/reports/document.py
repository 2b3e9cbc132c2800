"""Render the report as HTML and CSS from its Jinja2 templates."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2

from pipeline.escape import one_line, visible
from pipeline.ledger.outcome import Outcome
from pipeline.reports import attention, palette
from pipeline.reports.attention import Cause, Concern, group_concerns
from pipeline.reports.audit import describe_audit
from pipeline.reports.batch_summary import BatchSummary
from pipeline.reports.before_after import Comparison, Comparisons
from pipeline.reports.language import Language, in_zone
from pipeline.reports.left_out import describe_unused
from pipeline.reports.metadata_list import MetadataList
from pipeline.reports.page_regions import describe_regions
from pipeline.reports.register import collect_register
from pipeline.reports.statistics import BatchStatistics
from pipeline.reports.suggestions import describe_suggestions
from pipeline.reports.typefaces import faces

if TYPE_CHECKING:
    import pandas as pd

TEMPLATES = Path(__file__).parent / "templates"
FIRST_CONCERNS = 5
"""Images that need attention named on the first page."""


def environment(*folders: Path) -> jinja2.Environment:
    """Return a Jinja2 environment that escapes every value, raises on unknown names, and has the filter `visible`."""
    engine = jinja2.Environment(
        loader=jinja2.FileSystemLoader([*folders, TEMPLATES]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    engine.filters["visible"] = visible
    engine.filters["one_line"] = one_line
    return engine


def report_html(
    frame: pd.DataFrame,
    batch: BatchSummary,
    statistics: BatchStatistics,
    concerns: list[Concern],
    comparisons: Comparisons,
    metadata: MetadataList,
    charts: Mapping[str, str],
    t: Language,
) -> str:
    """Return the report as HTML.

    Args:
        charts: URL of each chart by name; those without data are absent.
    """
    shown = [*comparisons.images, *comparisons.thumbnails]
    problems = group_concerns(concerns)
    return (
        environment()
        .get_template("report.html")
        .render(
            t=t,
            batch=batch,
            statistics=statistics,
            headline=headline(statistics, t),
            marked=describe_regions(statistics.regions, t),
            audit=describe_audit(batch.audit, t),
            suggested=describe_suggestions(statistics.suggestions, t),
            unused=describe_unused(batch, t),
            bar=outcome_bar(statistics),
            concerns=concerns,
            first_problems=problems[:FIRST_CONCERNS],
            unnamed=len(concerns) - sum(len(problem.concerns) for problem in problems[:FIRST_CONCERNS]),
            groups=[(cause, [one for one in problems if one.first.cause is cause]) for cause in Cause],
            todo={cause: t(f"todo.{cause}") for cause in Cause},
            comparisons=comparisons,
            metadata=metadata,
            shown={image.number for image in shown},
            first_panels={image.number: image.panels[0] for image in shown},
            listed={concern.number for concern in concerns},
            example=example_comparison(frame, concerns, comparisons),
            charts=charts,
            register=collect_register(frame),
            outcomes=list(Outcome),
            colours=palette.COLOURS,
            versions=versions(),
            low_estimate=t.decibels(attention.LOW_ESTIMATE),
            high_seam=t.number(attention.HIGH_SEAM, 1),
            created=in_zone(batch.finished, batch.timezone).isoformat(timespec="seconds"),
        )
    )


def report_css() -> str:
    """Return the report's style sheet."""
    return environment().get_template("report.css").render(faces=faces(), palette=palette, colours=palette.COLOURS)


def headline(statistics: BatchStatistics, t: Language) -> str:
    """Return the outcomes of a batch as one or two sentences."""
    if not statistics.total:
        return t("summary.nothing")
    counts = [t.count(f"outcome_count.{outcome}", n) for outcome, n in statistics.counts.items() if n]
    return f"{_describe_arrivals(statistics, t)}. {t.join(counts)}."


def _describe_arrivals(statistics: BatchStatistics, t: Language) -> str:
    """Return how many files are new, and why the others were done again."""
    new = statistics.total - sum(statistics.again.values())
    parts = [t.count("summary.arrived", new)] if new else []
    again = sorted(statistics.again.items(), key=lambda item: -item[1])
    return t.join([*parts, *(t.count(f"again.{reason}", count) for reason, count in again)])


def outcome_bar(
    statistics: BatchStatistics, length: float = 1000, gap: float = 2.5
) -> list[tuple[Outcome, float, float]]:
    """Return each outcome that occurs with its start and width in a bar; a rare one is wide enough to be seen."""
    counts = {outcome: n for outcome, n in statistics.counts.items() if n}
    weights = {outcome: max(n / statistics.total, 0.008) for outcome, n in counts.items()}
    scale = (length - gap * (len(weights) - 1)) / sum(weights.values()) if weights else 0
    parts, start = [], 0.0
    for outcome, weight in weights.items():
        parts.append((outcome, start, weight * scale))
        start += weight * scale + gap
    return parts


def example_comparison(frame: pd.DataFrame, concerns: list[Concern], comparisons: Comparisons) -> Comparison | None:
    """Return the example for the first page: of the images restored without concern the one with the most damage."""
    listed = {concern.number for concern in concerns}
    coverage = frame.set_index("number")["coverage"]
    good = [
        image
        for image in comparisons.images
        if image.outcome is Outcome.RESTORED and image.number not in listed and all(panel.url for panel in image.panels)
    ]
    return max(good, key=lambda image: float(coverage.get(image.number, 0)), default=None)


def versions() -> dict[str, str]:
    """Return the versions of the packages that made the results and this report."""
    names = ("torch", "openvino", "opencv-python-headless", "scikit-image", "numpy", "pillow", "pandas", "weasyprint")
    found: dict[str, Any] = {"Python": platform.python_version()}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
