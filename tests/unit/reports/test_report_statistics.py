"""Counts and quartiles of a batch; measured and estimated figures are kept apart."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest
from report_sample import row, sample

from pipeline.ledger.outcome import Outcome
from pipeline.reports.document import headline
from pipeline.reports.frames import complete_frame
from pipeline.reports.language import Language
from pipeline.reports.statistics import batch_statistics, quartiles


def test_counts_add_up_to_all_that_arrived() -> None:
    frame, _ = sample()
    found = batch_statistics(complete_frame(frame))
    assert found.total == len(frame) == sum(found.counts.values())
    assert found.counts == {
        Outcome.RESTORED: 12,
        Outcome.UNCHANGED: 2,
        Outcome.REVIEW: 1,
        Outcome.QUARANTINED: 2,
        Outcome.FAILED: 1,
    }


def test_true_figures_only_where_an_original_is_known() -> None:
    frame, _ = sample()
    found = batch_statistics(complete_frame(frame))
    assert {key: found.measured[key].n for key in found.measured} == dict.fromkeys(
        ("psnr", "ssim", "l1", "psnr_hole", "ssim_hole", "l1_hole"), 2
    )
    assert found.baseline["psnr"][1].median == pytest.approx(38.9)
    assert found.estimate is not None and found.estimate.n == 12


def test_telea_is_compared_on_the_same_images_only() -> None:
    rows = [row("a", "restored", psnr=50.0), row("b", "restored", psnr=30.0, baseline_psnr=29.0)]
    ours, telea = batch_statistics(complete_frame(pd.DataFrame(rows))).baseline["psnr"]
    assert (ours.n, ours.median, telea.median) == (1, 30.0, 29.0)


def test_an_image_equal_to_its_original_is_left_out_of_the_median() -> None:
    found = quartiles(pd.Series([30.0, math.inf, 40.0, math.nan]))
    assert found is not None
    assert (found.n, found.median, found.maximum) == (2, 35.0, 40.0)
    assert quartiles(pd.Series([math.nan, math.inf])) is None


def test_an_empty_batch_has_figures_too() -> None:
    found = batch_statistics(complete_frame(pd.DataFrame({"path": [], "outcome": []})))
    assert (found.total, found.estimate, found.measured, found.checked) == (0, None, {}, 0)


def test_a_row_without_outcome_counts_as_failed() -> None:
    frame = complete_frame(pd.DataFrame([{"path": "b"}, {"path": "a", "outcome": "restored"}]))
    assert frame["outcome"].tolist() == ["restored", "failed"]
    assert frame["number"].tolist() == [1, 2]


@pytest.mark.parametrize("kind", [object, "boolean"])
def test_booleans_are_kept_whatever_the_column_type(kind: Any) -> None:
    frame = pd.DataFrame({"path": ["a", "b", "c"], "outside_identical": pd.Series([True, None, False], dtype=kind)})
    assert complete_frame(frame)["outside_identical"].tolist() == [True, None, False]


def test_what_was_checked_outside_the_mask_is_counted() -> None:
    rows = [row("a", "restored"), row("b", "restored", outside_identical=False), row("c", "unchanged")]
    found = batch_statistics(complete_frame(pd.DataFrame(rows)))
    assert (found.checked, found.identical) == (2, 1)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "1 image arrived and 2 images were done again because the recipe was changed. 3 were restored."),
        (
            "de",
            "1 Bild ist eingetroffen und 2 Bilder wurden erneut bearbeitet, weil das Rezept geändert wurde. "
            "3 wurden restauriert.",
        ),
    ],
)
def test_a_headline_says_why_scans_were_done_again(language: str, said: str) -> None:
    rows = [row(f"{number}.png", "restored", again="recipe" if number else "") for number in range(3)]
    found = batch_statistics(complete_frame(pd.DataFrame(rows)))
    assert headline(found, Language(language)).replace("\u00a0", " ") == said
