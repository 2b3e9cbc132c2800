"""Reports: the results of a batch as a PDF for people and as tables for programs."""

from pipeline.reports.batch_summary import BatchSummary, Preview, ReportFiles
from pipeline.reports.write import write_report

__all__ = ["BatchSummary", "Preview", "ReportFiles", "write_report"]
