"""Marks that were not filled: counted on examined images, and described in each language."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pandas as pd
import pytest
from PIL import Image
from report_sample import batch_summary, row

from pipeline.detection.types import Left
from pipeline.masks.skip_rules import DOUBT, REVIEW
from pipeline.reports import Preview
from pipeline.reports.attention import find_concerns
from pipeline.reports.before_after import Comparisons, collect_comparisons, facts
from pipeline.reports.document import report_html
from pipeline.reports.frames import complete_frame
from pipeline.reports.language import Language
from pipeline.reports.metadata_list import MetadataList
from pipeline.reports.statistics import batch_statistics
from pipeline.reports.suggestions import SuggestionCounts, count_suggestions, describe_reasons, describe_suggestions

ROWS = [
    row("a.tif", "unchanged", coverage=0.0, suggested=3, suggested_share=0.0123, suggested_kinds='{"dust": 3}',
        suggested_reasons='{"face": 2, "doubt": 1}'),
    row("b.tif", "restored", suggested=1, suggested_share=0.002, suggested_kinds='{"hair": 1}',
        suggested_reasons='{"text": 1}'),
    row("c.tif", "review", suggested=7, suggested_share=0.2, suggested_kinds='{"dust": 7}',
        suggested_reasons='{"review": 6, "doubt": 1}', review_reason="too much"),
    row("d.tif", "unchanged", coverage=0.0, suggested=0, suggested_share=0.0),
    row("e.tif", "failed", suggested=9, suggested_share=0.5, message="stopped"),
    row("f.tif", "quarantined", reason="empty"),
]  # fmt: skip


def shown(rows: list[dict[str, Any]], folder: Path, language: str) -> tuple[str, Comparisons]:
    """The report's page as HTML, without its markup's line ends, and its comparisons."""
    t, frame = Language(language), complete_frame(pd.DataFrame(rows))
    picture = Image.new("L", (40, 30))
    wanted = find_concerns(frame, t)
    comparisons = collect_comparisons(frame, wanted, lambda _: Preview(picture, picture, None), folder, t)
    html = report_html(
        frame, batch_summary(language=language), batch_statistics(frame), wanted, comparisons, MetadataList(), {}, t
    )
    return " ".join(html.split()), comparisons


def test_only_examined_images_have_marks() -> None:
    assert count_suggestions(complete_frame(pd.DataFrame(ROWS))) == SuggestionCounts(
        3, 11, {"review": 6, "face": 2, "doubt": 2, "text": 1}
    )
    assert batch_statistics(complete_frame(pd.DataFrame(ROWS))).clean == 1


def test_a_frame_without_such_columns_has_no_marks() -> None:
    assert count_suggestions(complete_frame(pd.DataFrame([row("a.tif", "unchanged")]))) == SuggestionCounts()


@pytest.mark.parametrize(
    ("images", "marks", "english", "german"),
    [
        (0, 0, "", ""),
        (
            1,
            1,
            "1 image carries 1 mark that was not filled: look at it.",
            "1 Bild hat 1 Markierung, die nicht gefüllt wurde: bitte prüfen.",
        ),
        (
            12,
            1048,
            "12 images carry 1,048 marks that were not filled: look at them.",
            "12 Bilder haben 1.048 Markierungen, die nicht gefüllt wurden: bitte prüfen.",
        ),
    ],
)
def test_one_sentence_says_how_many(images: int, marks: int, english: str, german: str) -> None:
    assert describe_suggestions(SuggestionCounts(images, marks), Language("en")) == english
    assert describe_suggestions(SuggestionCounts(images, marks), Language("de")) == german


def test_one_count_has_one_meaning() -> None:
    found = batch_statistics(complete_frame(pd.DataFrame(ROWS)))
    marks = found.suggestions.marks
    assert marks == sum(found.regions.suggest.values()) == sum(found.suggestions.reasons.values()) == 11
    english, german = (describe_suggestions(found.suggestions, Language(code)) for code in ("en", "de"))
    why = "Left as they are: 6 on images to review, 2 on faces, 2 not certain enough, 1 on text."
    assert english == f"3 images carry 11 marks that were not filled: look at them. {why}"
    assert "2 auf Gesichtern" in german and "1 auf Schrift" in german


@pytest.mark.parametrize("reason", [*get_args(Left)[1:], DOUBT, REVIEW])
def test_every_reason_has_words(reason: str) -> None:
    for code in ("en", "de"):
        assert describe_reasons({reason: 2}, Language(code)).startswith("2 ")


@pytest.mark.parametrize(
    ("language", "line", "label", "share"),
    [
        (
            "en",
            "3 images carry 11 marks that were not filled: look at them.",
            "Not filled",
            "3 · 1.23% of the image · 2 on faces, 1 not certain enough",
        ),
        (
            "de",
            "3 Bilder haben 11 Markierungen, die nicht gefüllt wurden: bitte prüfen.",
            "Nicht gefüllt",
            "3 · 1,23\u00a0% des Bildes · 2 auf Gesichtern, 1 nicht sicher genug",
        ),
    ],
)
def test_the_report_says_so_in_summary_comparison_and_register(
    tmp_path: Path, language: str, line: str, label: str, share: str
) -> None:
    html, comparisons = shown(ROWS, tmp_path, language)
    assert html.count(line) == 1 and "suggestions/" in html
    assert f'<th class="n left">{label}</th>' in html
    frame = complete_frame(pd.DataFrame(ROWS))
    assert share == dict(facts(frame.iloc[0], Language(language)))[label]
    assert label not in dict(facts(frame.iloc[3], Language(language)))
    assert [image.path for image in comparisons.images] == ["a.tif", "b.tif", "c.tif", "e.tif"]
    assert [image.path for image in comparisons.thumbnails] == ["d.tif"], "only what carries no mark is shown small"


def test_nothing_needs_attention_only_where_there_are_no_marks(tmp_path: Path) -> None:
    quiet, _ = shown([ROWS[3]], tmp_path, "en")
    assert "Nothing needs your attention." in quiet and "not filled:" not in quiet
    marked, _ = shown([ROWS[0]], tmp_path, "en")
    assert "Nothing needs your attention." not in marked and "1 image carries 3 marks" in marked
