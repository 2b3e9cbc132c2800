"""The email of a batch: its contents, its MIME parts, and what it rejects."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image
from report_sample import HOSTILE, row

from pipeline.errors import ConfigurationError
from pipeline.ledger.samples import AuditFigures
from pipeline.reports import Preview

Build = Callable[..., EmailMessage]


def tree(part: EmailMessage) -> Any:
    """Returns the MIME tree as nested lists of content types."""
    inner = [tree(child) for child in part.iter_parts()]  # type: ignore[arg-type]
    return [part.get_content_type(), *inner] if inner else part.get_content_type()


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content())


def received(message: EmailMessage) -> EmailMessage:
    return message_from_bytes(bytes(message), policy=policy.default)


class Tags(HTMLParser):
    """Collects tags and attributes as a mail program reads them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    path = tmp_path / "report.pdf"
    path.write_bytes(b"%PDF-1.7 " + b"x" * 5000)
    return path


def test_the_tree_is_what_mail_programs_expect(build: Build, pdf: Path) -> None:
    message = received(build(pdf=pdf))
    assert tree(message) == [
        "multipart/mixed",
        [
            "multipart/alternative",
            "text/plain",
            ["multipart/related", "text/html", *["image/jpeg"] * 6],
        ],
        "application/pdf",
    ]
    *_, attached = message.iter_attachments()
    assert attached.get_filename() == "harbour-plates-2026-11-21.pdf"
    assert attached.get_content_disposition() == "attachment"
    assert attached.get_content() == pdf.read_bytes()


def test_headers(build: Build) -> None:
    message = received(build())
    what = "12 restored, 1 to review, 2 unreadable, 1 failed, 2 unchanged"
    assert message["Subject"] == f"Glass plates of the old harbour: {what} (21 Nov 2026)"
    assert message["From"] == "Archive restoration <restoration@archive.example>"
    assert message["To"] == "anna@example.org"
    assert message["Date"].datetime.isoformat() == "2026-11-21T02:09:51+01:00"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Id"] == "<harbour-plates.restoration.archive.example>"
    assert message["Content-Language"] == "en"
    assert re.fullmatch(r"<[0-9a-f]{32}@archive\.example>", message["Message-ID"])


def test_the_same_batch_gives_the_same_message(build: Build, pdf: Path) -> None:
    assert bytes(build(pdf=pdf)) == bytes(build(pdf=pdf))
    assert build()["Message-ID"] != build(batch="another")["Message-ID"]


def test_every_picture_is_inside(build: Build) -> None:
    message = received(build())
    used = re.findall(r'src="([^"]+)"', part(message, "html"))
    inside = {str(p["Content-ID"]).strip("<>"): p for p in message.walk() if p["Content-ID"]}
    assert {f"cid:{name}" for name in inside} == set(used) and len(used) == 6
    for picture in inside.values():
        assert picture.get_content_disposition() == "inline"
        assert len(picture.get_content()) <= 40_000
        assert max(Image.open(io.BytesIO(picture.get_content())).size) <= 560


def test_html_loads_nothing_and_is_not_cut_off(build: Build) -> None:
    html = part(build(), "html")
    assert not re.search(r"(src|href|url\()\s*=?\s*[\"']?(https?:)?//", html)
    assert len(html.encode()) < 60_000
    assert "prefers-color-scheme: dark" in html and 'name="viewport"' in html
    assert all(attributes.get("alt") for tag, attributes in Tags(html).tags if tag == "img")


def test_the_text_can_be_read_by_itself(build: Build) -> None:
    text = part(build(run_url="https://archive.example/run"), "plain")
    lines = text.splitlines()
    assert text.index("18 images arrived") < text.index("box 3/coins.tif") < text.index("29.6\u00a0dB")
    assert "* box 3/torn.tif\n  The file ends after 1 203 of 4 096 lines." in text
    assert "Show the run: https://archive.example/run" in text
    assert "\n-- \n" in text
    assert max(map(len, lines)) <= 100
    assert not re.search(r"<[a-z]", text) and "\n\n\n" not in text


def test_measured_and_estimated_figures_are_kept_apart(build: Build) -> None:
    text = " ".join(part(build(), "plain").split())
    assert "Measured against known originals (median of 2 images): 29.6 dB PSNR inside the repairs, 42.6 dB" in text
    assert "Telea on the same damage: 38.9 dB over the whole image." in text
    assert "Estimated on held-out pixels (median of 12 images): 29.4 dB PSNR." in text


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "40 were looked at: 2 were false (5.0%; with 95 % confidence"),
        ("de", "40 angesehen: 2 waren falsch (5,0"),
    ],
)
def test_the_audit_is_told_in_both_parts(build: Build, language: str, told: str) -> None:
    message = build(language=language, audit=AuditFigures(50, 40, 2))
    for kind in ("plain", "html"):
        assert told in " ".join(part(message, kind).split()).replace("\u00a0", " ")


def test_german(build: Build) -> None:
    message = received(build(language="de", title="Glasplatten"))
    assert message["Subject"] == (
        "Glasplatten: 12 restauriert, 1 zu prüfen, 2 nicht lesbar, 1 fehlgeschlagen, 2 unverändert (21. Nov. 2026)"
    )
    assert "Die Datei ist abgeschnitten, ihr Ende fehlt." in part(message, "plain")
    assert '<html lang="de" dir="ltr">' in part(message, "html")


MARKS = {
    "en": ("2 images carry 15 marks that were not filled: look at them.", "Nothing needs your attention."),
    "de": (
        "2 Bilder haben 15 Markierungen, die nicht gefüllt wurden: bitte prüfen.",
        "Nichts erfordert Ihre Aufmerksamkeit.",
    ),
}


@pytest.mark.parametrize("language", MARKS)
def test_unfilled_marks_are_mentioned_in_one_line(build: Build, language: str) -> None:
    line, quiet = MARKS[language]
    message = received(build(language=language))
    for kind in ("plain", "html"):
        text = " ".join(part(message, kind).split())
        assert text.count(line) == 1 and "suggestions/" in text
    rows = pd.DataFrame(
        [
            row("a.tif", "unchanged", suggested=8, suggested_share=0.1),
            row("b.tif", "restored", suggested=7, suggested_share=0.01),
        ]
    )
    alone = received(build(rows=rows, language=language, previews=lambda _: None))
    for kind in ("plain", "html"):
        text = " ".join(part(alone, kind).split())
        assert line in text and quiet not in text
    none = part(build(rows=pd.DataFrame([row("a.tif", "unchanged", suggested=0)]), language=language), "plain")
    assert quiet in none and "suggestions/" not in none


def test_marks_are_shown_where_there_is_room(build: Build) -> None:
    picture = Image.new("RGB", (40, 30))
    rows = pd.DataFrame([row(f"{n}.tif", "unchanged", suggested=n, suggested_share=n / 100) for n in range(5)])
    html = part(build(rows=rows, previews=lambda _: Preview(picture, picture, None)), "html")
    names = re.findall(r'alt="(\d)\.tif: before"', html)
    assert names == ["4", "3", "2"], "the most marked first"
    assert "possible damage marked, nothing filled" in html


def test_problems_are_told_once_with_the_names_behind_them(build: Build) -> None:
    rows = [row(f"{n:02}.tif", "quarantined", reason="truncated", message=f"{n:02}.tif is cut off") for n in range(22)]
    rows += [row("cold.tif", "quarantined", reason="archived", message="it lies in an archive tier; restore it first")]
    message = build(rows=pd.DataFrame(rows))
    for kind in ("plain", "html"):
        text = part(message, kind)
        assert text.count("its end is missing") == 1 and "22\u00a0files" in text
        assert "00.tif" in text and "07.tif" in text and "08.tif" not in text
        assert "and 14 more, listed in the report" in text
        assert "It lies in an archive tier; restore it first." in text
    html = part(message, "html")
    assert re.search(r'<body[^>]* lang="en" dir="ltr"', html) and '<div lang="en" dir="ltr">' in html


def test_masks_that_were_not_used_are_named(build: Build) -> None:
    unused = (("Plate_17.png", "there is no scan of that name"), ("<b>.png", "there is no scan of that name"))
    english = build(unused=unused, unused_count=7, ignored=3)
    assert "7\u00a0masks were used for no image: Plate_17.png (there is no scan of that name)" in part(english, "html")
    text = " ".join(part(english, "plain").split())
    assert "and 5 more." in text and "3 files beside the scans" in text.replace("\u00a0", " ")
    assert "&lt;b&gt;.png" in part(english, "html")
    german = part(build(language="de", unused=unused, unused_count=2), "plain").replace("\u00a0", " ")
    said = " ".join(german.split())
    assert "2 Masken wurden für kein Bild gebraucht: Plate_17.png (kein Scan trägt ihren Namen)" in said


def test_the_limit_counts_the_mail_as_it_is_transferred(build: Build, tmp_path: Path) -> None:
    """Base64 makes an attachment a third larger, and mail servers count that."""
    for megabytes, attached in ((9.1, False), (7.0, True)):
        report = tmp_path / f"{megabytes}.pdf"
        report.write_bytes(b"%PDF-" + bytes(int(megabytes * 1e6)))
        message = build(pdf=report, attach_megabytes=10)
        assert bool(list(message.iter_attachments())) is attached
        assert len(bytes(message)) <= 10e6


def test_a_large_report_is_named_not_attached(build: Build, pdf: Path) -> None:
    message = build(pdf=pdf, attach_megabytes=0.001)
    assert "application/pdf" not in str(tree(message))
    place = "s3://archive/restored/harbour-plates/reports/2026-11-21T02-00-00_harbour-plates/report.pdf"
    assert place in " ".join(part(message, "plain").split())


def test_the_run_is_linked(build: Build) -> None:
    linked = build(run_url="https://archive.example/run?a=1&b=2")
    assert 'href="https://archive.example/run?a=1&amp;b=2"' in part(linked, "html")
    assert ": https://archive.example/run?a=1&b=2\n" in part(linked, "plain")
    assert "Show the run" not in part(build(), "html") + part(build(), "plain")


def test_nothing_new_and_nothing_wrong(build: Build) -> None:
    empty = build(rows=pd.DataFrame({"path": [], "outcome": []}))
    assert empty["Subject"].endswith(": nothing new (21 Nov 2026)")
    calm = build(rows=pd.DataFrame([row("a.tif", "restored")]), previews=lambda _: None)
    assert "Nothing needs your attention." in part(calm, "plain")
    assert tree(calm) == ["multipart/alternative", "text/plain", "text/html"]


def test_many_concerns_are_cut_short_and_counted(build: Build) -> None:
    rows = pd.DataFrame([row(f"{n:04}.tif", "quarantined", reason="truncated") for n in range(500)])
    message = build(rows=rows)
    assert "and 492 more, listed in the report" in part(message, "plain")
    assert len(part(message, "html").encode()) < 60_000


def test_a_broken_preview_costs_only_its_own_picture(build: Build) -> None:
    def broken(_: Any) -> Preview | None:
        raise OSError("gone")

    assert "image/jpeg" not in str(tree(build(previews=broken)))


INJECTION = "Plates\r\nBcc: everyone@example.org\r\n\r\n<script>alert(1)</script>"


def test_no_name_becomes_a_header_or_a_tag(build: Build, pdf: Path) -> None:
    rows = pd.DataFrame([row(name, "failed", message=name) for name in [*HOSTILE, INJECTION]])
    message = received(
        build(pdf=pdf, rows=rows, title=INJECTION, batch=INJECTION, collection=INJECTION, output=INJECTION)
    )
    assert message["Bcc"] is None and message.defects == []
    assert message["Subject"].startswith("Plates Bcc: everyone@example.org")
    tags = Tags(part(message, "html")).tags
    assert "script" not in {tag for tag, _ in tags}
    assert not [name for _, attributes in tags for name in attributes if name.startswith("on")]
    lines = part(message, "plain").splitlines()
    assert not [line for line in lines if line.startswith("Bcc:")]
    assert "\\u202e" in part(message, "plain") and "\u202e" not in part(message, "html")
    assert "صورة قديمة من الميناء" in part(message, "html")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sender", "nobody"),
        ("sender", "a@b.example\nBcc: c@d.example"),
        ("recipients", ["a@b.example", "c@d.example\r\nSubject: x"]),
        ("recipients", ["a@b.example, c@d.example"]),
        ("recipients", [""]),
        ("run_url", "javascript:alert(1)"),
        ("run_url", "file:///etc/passwd"),
    ],
)
def test_malformed_addresses_and_links_are_rejected(build: Build, field: str, value: Any) -> None:
    with pytest.raises(ConfigurationError):
        build(**{field: value})


def test_a_sender_may_have_a_name(build: Build) -> None:
    message = received(
        build(sender="Fotoarchiv Übersee <foto@archive.example>", recipients=["Anna B. <anna@example.org>"])
    )
    assert message["From"].addresses[0].display_name == "Fotoarchiv Übersee"
    assert message["To"].addresses[0].addr_spec == "anna@example.org"
