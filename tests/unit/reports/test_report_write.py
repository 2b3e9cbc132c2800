"""The files of a report: a PDF for people, tables for programs."""

from __future__ import annotations

import builtins
import csv
import io
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image, ImageFile
from report_sample import HOSTILE, batch_summary, pdf_text, row, sample

from pipeline.errors import ConfigurationError
from pipeline.reports import Preview, ReportFiles, pdf, write_report

pytestmark = pytest.mark.slow


def test_three_files_and_nothing_else(written: ReportFiles) -> None:
    assert {path.name for path in written.pdf.parent.iterdir()} == {"report.pdf", "report.parquet", "report.csv"}
    assert written.pdf.read_bytes().startswith(b"%PDF-1.7")


def test_parquet_is_the_frame(written: ReportFiles) -> None:
    frame, _ = sample()
    read = pd.read_parquet(written.parquet)
    assert list(read.columns) == list(frame.columns)
    pd.testing.assert_frame_equal(read.convert_dtypes(), frame.convert_dtypes())


def test_csv_has_every_row_and_no_formula(written: ReportFiles) -> None:
    assert written.csv.read_bytes().startswith(b"\xef\xbb\xbf"), "a spreadsheet knows UTF-8 by the byte order mark"
    with written.csv.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    frame, _ = sample()
    assert [r["path"].removeprefix("'") for r in rows] == frame["path"].tolist()
    assert not [value for r in rows for value in r.values() if value.startswith(("=", "@", "+"))]


def test_document_says_what_it_is(inside: bytes) -> None:
    for field in (b"<dc:title>", b"<dc:creator>", b"<dc:description>", b'pdfaid:part="3"', b'pdfaid:conformance="A"'):
        assert field in inside
    assert b"/Lang (en)" in inside
    assert b"/StructTreeRoot" in inside  # tagged for screen readers
    assert "Glass plates of the old harbour – Restoration report, 21 November 2026".encode() in inside
    assert b"2026-11-21T02:09:51+01:00" in inside


def test_bookmarks_lead_to_sections_and_images(inside: bytes) -> None:
    sections = ("Summary", "The batch in figures", "Images that need attention", "Before and after", "All files")
    for text in (*sections, "Technical appendix"):
        assert f"/Title ({text})".encode() in inside
    image = "2 · box 1/astronaut.tif".encode("utf-16-be").hex()
    assert f"/title <feff{image}>".encode() in inside.lower()


def test_the_summary_stays_on_one_page_whatever_the_names(tmp_path: Path) -> None:
    name = "folder/" + "a_very_long_name_" * 12 + ".tif"
    doubt = (
        "12.3% of the scan looks damaged, more than the 10% that may be filled without review,"
        " and more words than anyone reads"
    )
    known = {"psnr": 40.0, "ssim": 0.99, "psnr_hole": 28.0, "ssim_hole": 0.8, "baseline_psnr": 38.0}
    rows = [row(f"{n}/{name}", "review", review_reason=doubt) for n in range(7)]
    rows += [row("a.tif", outcome, **known) for outcome in ("restored", "unchanged", "quarantined", "failed")]
    picture = Image.new("L", (300, 400))
    batch = batch_summary(language="de", title="Nachlass der Gesellschaft für Heimatkunde " * 4)
    files = write_report(pd.DataFrame(rows), batch, lambda _: Preview(picture, picture, picture), tmp_path)
    inside = pdf_text(files.pdf)
    figures = re.search(rb"/Title \(Der Lauf in Zahlen\)/Dest \[(\d+ 0 R)", inside)
    kids = re.search(rb"/Kids \[([^\]]*)\]", inside)
    assert figures and kids
    assert re.findall(rb"\d+ 0 R", kids[1]).index(figures[1]) == 1


def test_pictures_are_not_smoothed_as_pdf_a_asks(inside: bytes) -> None:
    assert b"/Interpolate false" in inside
    assert b"/Interpolate true" not in inside


def test_the_same_batch_gives_the_same_file(tmp_path: Path) -> None:
    frame = pd.DataFrame([row("a.tif", "restored"), row("b.tif", "unchanged")])
    one, two = (write_report(frame, batch_summary(), lambda _: None, tmp_path / name).pdf for name in "ab")
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [{"path": "only-a-path.tif"}],
        [row("torn.tif", "quarantined", reason="truncated", width=None)],
        [row("clean.tif", "unchanged", coverage=0.0)],
        [row("one.tif", "restored", psnr_hole=float("inf"), psnr=float("inf"), ssim=1.0)],
    ],
    ids=["nothing", "bare", "quarantined", "unchanged", "identical"],
)
def test_small_batches_have_reports_too(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    frame = pd.DataFrame(rows, columns=None if rows else ["path", "outcome"])
    previews = {"clean.tif": Preview(Image.new("L", (30, 40)))}
    files = write_report(frame, batch_summary(language="de"), lambda r: previews.get(r["path"]), tmp_path)
    assert files.pdf.stat().st_size > 10_000


def test_a_broken_preview_costs_only_its_own_pictures(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole = io.BytesIO()
    Image.effect_noise((200, 200), 80).save(whole, "JPEG")

    def previews(row: Any) -> Preview | None:
        if row["path"] == "gone.tif":
            raise OSError("preview is gone")
        half = row["path"] == "half.tif"
        return Preview(Image.open(io.BytesIO(whole.getvalue()[: len(whole.getvalue()) // (2 if half else 1)])))

    frame = pd.DataFrame([row(name, "restored") for name in ("gone.tif", "good.tif", "half.tif")])
    files = write_report(frame, batch_summary(), previews, tmp_path)
    assert files.pdf.read_bytes().count(b"/Subtype /Image") == 1
    assert "no preview of gone.tif" in caplog.text and "no preview of half.tif" in caplog.text


def test_a_hostile_name_reads_no_file_and_calls_no_server(tmp_path: Path) -> None:
    names = [
        *HOSTILE,
        '"><link rel=attachment href="file:///etc/hostname">',
        "{{ 7 * 7 }}",
        "url(http://127.0.0.1:9/x)",
    ]
    frame = pd.DataFrame([row(name, "failed", message=name, reason=name) for name in names])
    batch = batch_summary(title=names[6], batch=names[0], inbox=names[6], recipe={names[6]: names[6]})
    assert write_report(frame, batch, lambda _: None, tmp_path).pdf.exists()


def test_nothing_but_the_reports_own_files_can_be_loaded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Image.new("RGB", (90, 90), "red").save(tmp_path / "secret.png")
    urls = [(tmp_path / "secret.png").as_uri(), "http://127.0.0.1:9/", "data:image/gif;base64,R0lGODlhAQABAAAAACw="]
    html = "".join(f"<img src='{url}'>" for url in urls) + f"<link rel=attachment href='{urls[0]}'>"
    data = pdf.render_pdf(html, f"p {{ background: url({urls[0]}) }}", {}, "x")
    assert [f"may not load {url!r}" in caplog.text for url in urls] == [True] * 3
    assert b"/Image" not in data and b"/EmbeddedFile" not in data


def test_writing_a_report_does_not_make_pillow_accept_truncated_scans(written: ReportFiles) -> None:
    assert written.pdf.exists()
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_missing_pango_names_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = builtins.__import__

    def fail(name: str, *rest: Any, **more: Any) -> Any:
        if name == "weasyprint":
            raise OSError("cannot load library 'libpango-1.0-0'")
        return real(name, *rest, **more)

    pdf.weasyprint.cache_clear()
    monkeypatch.setattr(builtins, "__import__", fail)
    with pytest.raises(ConfigurationError, match=r"apt-get install libpango-1\.0-0.*libpango"):
        write_report(pd.DataFrame({"path": []}), batch_summary(), lambda _: None, tmp_path / "none")
    monkeypatch.undo()
    pdf.weasyprint.cache_clear()
    assert not (tmp_path / "none").exists()


def test_fonts_are_inside_the_document(inside: bytes) -> None:
    names = set(re.findall(rb"/FontName /[A-Z]{6}\+([\w-]+)", inside))
    assert {b"Inter", b"Inter-Semi-Bold"} <= names
    assert not any(name.startswith((b"Times", b"Helvetica", b"Liberation")) for name in names), names
