"""A report of the sample batch, made once for all tests that look into it."""

from __future__ import annotations

import pytest
from report_sample import batch_summary, pdf_text, sample

from pipeline.reports import ReportFiles, write_report


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> ReportFiles:
    frame, previews = sample()
    return write_report(frame, batch_summary(), previews, tmp_path_factory.mktemp("report") / "new")


@pytest.fixture(scope="session")
def inside(written: ReportFiles) -> bytes:
    return pdf_text(written.pdf)
