"""A report of the sample batch, made once for all tests that look into it."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import pytest
from report_sample import batch_summary, sample

from pipeline.reports import ReportFiles, write_report


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> ReportFiles:
    frame, previews = sample()
    return write_report(frame, batch_summary(), previews, tmp_path_factory.mktemp("report") / "new")


def pdf_text(pdf: Path) -> bytes:
    """Returns a PDF's streams unpacked, one after the other, behind what is not packed."""
    data = pdf.read_bytes()
    parts = [data]
    for stream in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", data, re.S):
        try:
            parts.append(zlib.decompress(stream[1]))
        except zlib.error:
            continue
    return b"\n".join(parts)


@pytest.fixture(scope="session")
def inside(written: ReportFiles) -> bytes:
    return pdf_text(written.pdf)
