"""Write the report of a batch: a PDF, and its frame as Parquet and CSV."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.ledger.outcome import Outcome
from pipeline.reports import charts
from pipeline.reports.attention import find_concerns
from pipeline.reports.batch_summary import BatchSummary, Preview, ReportFiles
from pipeline.reports.before_after import collect_comparisons
from pipeline.reports.document import report_css, report_html
from pipeline.reports.frames import complete_frame, csv_bytes, parquet_bytes
from pipeline.reports.language import Language
from pipeline.reports.metadata_list import collect_metadata
from pipeline.reports.pdf import render_pdf, weasyprint
from pipeline.reports.statistics import BatchStatistics, batch_statistics
from pipeline.reports.typefaces import faces
from pipeline.storage import write_bytes

if TYPE_CHECKING:
    import pandas as pd


def write_report(
    frame: pd.DataFrame,
    batch: BatchSummary,
    previews: Callable[[Any], Preview | None],
    target_dir: Path,
) -> ReportFiles:
    """Write `report.pdf`, `report.parquet` and `report.csv`, each whole or not at all, and return their paths.

    Args:
        frame: one row per file that arrived, with the columns of the manifests; columns that a file never reached may
            be absent or empty. The tables contain it unchanged.
        batch: the batch, for the first page and the appendix.
        previews: given a row (a pandas Series), small upright pictures of its scan, or None when there are none. Called
            once per image shown, in a few threads, so that the pictures of a large batch are never all in memory.
        target_dir: an existing or new folder.

    Raises:
        ConfigurationError: Pango is missing; the language is unknown.
    """
    weasyprint()
    t = Language(batch.language)
    full = complete_frame(frame)
    statistics = batch_statistics(full)
    concerns = find_concerns(full, t)
    target_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with ThreadPoolExecutor(1, thread_name_prefix="charts") as thread:
            charts_drawn = thread.submit(_write_charts, full, statistics, batch, folder, t)
            comparisons = collect_comparisons(full, concerns, previews, folder, t)
            drawn = charts_drawn.result()
        urls = {path.stem: url for url, path in drawn.items()}
        html = report_html(full, batch, statistics, concerns, comparisons, collect_metadata(full, t), urls, t)
        files = comparisons.files | drawn | {face.url: face.path for face in faces()}
        pdf = render_pdf(html, report_css(), files, f"{batch.collection}/{batch.batch}")
    return ReportFiles(
        pdf=_write(target_dir / "report.pdf", pdf),
        parquet=_write(target_dir / "report.parquet", parquet_bytes(frame)),
        csv=_write(target_dir / "report.csv", csv_bytes(frame)),
    )


def _write_charts(
    full: pd.DataFrame, statistics: BatchStatistics, batch: BatchSummary, folder: Path, t: Language
) -> dict[str, Path]:
    """Write the charts for which there are figures to `folder`, and return their paths by URL."""
    restored = full[full["outcome"] == Outcome.RESTORED]
    coverage = full.loc[full["coverage"] > 0, "coverage"].tolist()
    true = [value for value in restored["psnr_hole"] if abs(value) < float("inf")]
    estimated = [value for value in restored["estimate_psnr"] if abs(value) < float("inf")]
    drawn = {
        "outcomes": charts.outcome_chart(statistics.counts, t) if statistics.total else b"",
        "coverage": charts.coverage_chart(coverage, t) if coverage else b"",
        "quality": charts.quality_chart(true, estimated, t) if true or estimated else b"",
        "stages": charts.stage_chart(batch.seconds_by_stage, t) if batch.seconds_by_stage else b"",
    }
    files = {}
    for name, data in drawn.items():
        if data:
            path = folder / f"{name}.svg"
            path.write_bytes(data)
            files[f"report:chart/{name}.svg"] = path
    return files


def _write(path: Path, data: bytes) -> Path:
    """Write a file whole or not at all, and return its path."""
    write_bytes(str(path), data)
    return path
