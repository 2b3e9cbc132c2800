"""Write the report on the digits as PDF, in the style of the other reports, and its table as CSV and Parquet."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipeline.atomic_write import atomic_write
from pipeline.reports.document import environment, report_css, versions
from pipeline.reports.pdf import render_pdf
from pipeline.reports.typefaces import faces
from pipeline.training.digits.datasets import Digits
from pipeline.training.digits.evaluate import Evaluation
from pipeline.training.digits.figures import Sheet, examples, failures, loss_chart
from pipeline.training.digits.training_record import TrainingRecord

TEMPLATES = Path(__file__).parent / "templates"

LABELS = {
    "masked": "masked",
    "telea": "Telea",
    "navier-stokes": "Navier-Stokes",
    "biharmonic": "biharmonic",
    "paper": "paper’s DCGAN",
    "region": "ours",
}
"""The names of the ways of filling for readers."""


@dataclass(frozen=True)
class DigitReportFiles:
    """The paths of a report."""

    pdf: Path
    csv: Path
    parquet: Path


def write_report(
    digits: Digits,
    evaluation: Evaluation,
    records: Mapping[str, TrainingRecord],
    target: Path,
    *,
    title: str,
    command: str,
    seed: int,
) -> DigitReportFiles:
    """Write `report.pdf`, `report.csv` and `report.parquet`, each atomically, and return their paths.

    Raises:
        ConfigurationError: Pango is missing.
    """
    target.mkdir(parents=True, exist_ok=True)
    methods = tuple(name for name in LABELS if name in {row.method for row in evaluation.rows})
    sizes = tuple(sorted({row.hole for row in evaluation.rows}))
    shown = tuple(name for name in methods if name != "masked")
    sheets: list[Sheet] = [examples(digits, evaluation, size, shown, LABELS, seed) for size in sizes]
    for method in (one for one in ("paper", "region") if one in methods):
        sheets += [failures(digits, evaluation, size, shown, LABELS, method) for size in sizes]
    with tempfile.TemporaryDirectory() as scratch:
        files = {face.url: face.path for face in faces()}
        pictures: list[list[str]] = []
        for number, sheet in enumerate(sheets):
            urls = []
            for row, (_, data) in enumerate(sheet.rows):
                url = f"report:digits/{number}-{row}.png"
                files[url] = Path(scratch, f"{number}-{row}.png")
                files[url].write_bytes(data)
                urls.append(url)
            pictures.append(urls)
        charts = {}
        for name, record in records.items():
            if name != "judge" and record.curves:
                url = f"report:digits/{name}.svg"
                files[url] = Path(scratch, f"{name}.svg")
                files[url].write_bytes(loss_chart(record.curves))
                charts[name] = url
        html = (
            environment(TEMPLATES)
            .get_template("digits.html")
            .render(
                title=title,
                command=command,
                headline=headline(evaluation),
                created=datetime.now(UTC).isoformat(timespec="seconds"),
                rows={method: {row.hole: row for row in evaluation.of(method)} for method in methods},
                best=_best(evaluation),
                methods=methods,
                sizes=sizes,
                labels=LABELS,
                whole=evaluation.whole,
                count=len(digits),
                sheets=list(zip(sheets, pictures, strict=True)),
                records=records,
                charts=charts,
                versions=versions(),
            )
        )
        css = report_css() + environment(TEMPLATES).get_template("digits.css").render()
        pdf = render_pdf(html, css, files, f"digits/{title}")
    table = evaluation.table()
    return DigitReportFiles(
        atomic_write(target / "report.pdf", pdf),
        atomic_write(target / "report.csv", table.to_csv(index=False, float_format="%.6g").encode()),
        atomic_write(target / "report.parquet", table.to_parquet(index=False)),
    )


def headline(evaluation: Evaluation) -> str:
    """Return the main result in one or two sentences."""
    parts = []
    for name in ("region", "paper"):
        rows = evaluation.of(name)
        if rows:
            figures = " and ".join(f"{100 * row.accuracy:.1f} % ({row.hole}×{row.hole})" for row in rows)
            parts.append(f"{LABELS[name]}: {figures}")
    text = "; ".join(parts) or "only classical ways of filling were measured"
    text = text[0].upper() + text[1:]
    return f"{text} of the filled digits are read correctly, {100 * evaluation.whole:.2f} % of the whole ones."


def _best(evaluation: Evaluation) -> dict[tuple[int, str], float]:
    """Return the best value of each metric for each size of hole."""
    best: dict[tuple[int, str], float] = {}
    for row in evaluation.rows:
        for metric in ("accuracy", "psnr_hole", "ssim_hole"):
            best[row.hole, metric] = max(best.get((row.hole, metric), 0.0), getattr(row, metric))
    return best
