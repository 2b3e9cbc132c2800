"""The report's page as HTML and CSS, from its Jinja2 templates."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2

from pipeline.escape import one_line, visible
from pipeline.ledger.outcome import Outcome
from pipeline.reports import attention, palette
from pipeline.reports.attention import Cause, Concern
from pipeline.reports.batch_summary import BatchSummary
from pipeline.reports.before_after import Comparison, Comparisons
from pipeline.reports.language import Language, in_zone
from pipeline.reports.page_regions import describe_regions
from pipeline.reports.statistics import BatchStatistics
from pipeline.reports.suggestions import describe_suggestions
from pipeline.reports.typefaces import faces

if TYPE_CHECKING:
    import pandas as pd

TEMPLATES = Path(__file__).parent / "templates"
FIRST_CONCERNS = 5
"""Images that want attention named on the first page."""


def environment(*folders: Path) -> jinja2.Environment:
    """Return the template engine: everything escaped, an unknown name is an error, name shown by `visible`."""
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
    figures: BatchStatistics,
    concerns: list[Concern],
    plates: Comparisons,
    charts: Mapping[str, str],
    t: Language,
) -> str:
    """Return the report as HTML.

    Args:
        charts: URL of each chart that there is, by name.
    """
    return (
        environment()
        .get_template("report.html")
        .render(
            t=t,
            batch=batch,
            figures=figures,
            headline=headline(figures, t),
            marked=describe_regions(figures.places, t),
            suggested=describe_suggestions(figures.suggestions, t),
            bar=outcome_bar(figures),
            concerns=concerns,
            first_concerns=concerns[:FIRST_CONCERNS],
            groups=[(cause, [c for c in concerns if c.cause is cause]) for cause in Cause],
            todo={cause: t(f"todo.{cause}") for cause in Cause},
            plates=plates,
            shown={plate.number for plate in [*plates.plates, *plates.thumbnails]},
            first_pictures={plate.number: plate.pictures[0] for plate in [*plates.plates, *plates.thumbnails]},
            listed={concern.number for concern in concerns},
            example=example_comparison(frame, concerns, plates),
            charts=charts,
            rows=frame.to_dict("records"),
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


def headline(figures: BatchStatistics, t: Language) -> str:
    """Return what happened as one or two sentences."""
    if not figures.total:
        return t("summary.nothing")
    told = [t.count(f"told.{outcome}", n) for outcome, n in figures.counts.items() if n]
    return f"{t.count('summary.arrived', figures.total)}. {t.join(told)}."


def outcome_bar(figures: BatchStatistics, length: float = 1000, gap: float = 2.5) -> list[tuple[Outcome, float, float]]:
    """Return start and width in a bar of each outcome that occurs; a rare one stays wide enough to be seen."""
    counts = {outcome: n for outcome, n in figures.counts.items() if n}
    weights = {outcome: max(n / figures.total, 0.008) for outcome, n in counts.items()}
    scale = (length - gap * (len(weights) - 1)) / sum(weights.values()) if weights else 0
    parts, start = [], 0.0
    for outcome, weight in weights.items():
        parts.append((outcome, start, weight * scale))
        start += weight * scale + gap
    return parts


def example_comparison(frame: pd.DataFrame, concerns: list[Concern], plates: Comparisons) -> Comparison | None:
    """Return the plate for the first page: of the flawless repairs the one with the most damage."""
    flawed = {concern.number for concern in concerns}
    coverage = frame.set_index("number")["coverage"]
    good = [
        plate
        for plate in plates.plates
        if plate.outcome is Outcome.RESTORED and plate.number not in flawed and all(p.url for p in plate.pictures)
    ]
    return max(good, key=lambda plate: float(coverage.get(plate.number, 0)), default=None)


def versions() -> dict[str, str]:
    """Return the versions of what made the results and this report."""
    names = ("torch", "openvino", "opencv-python-headless", "scikit-image", "numpy", "pillow", "pandas", "weasyprint")
    found: dict[str, Any] = {"Python": platform.python_version()}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
