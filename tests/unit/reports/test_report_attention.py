"""Which images need attention, in which order, and how the reason is worded."""

from __future__ import annotations

from typing import Any

import pandas as pd
from report_sample import row, sample

from pipeline.reports.attention import Cause, Concern, find_concerns, group_concerns
from pipeline.reports.frames import complete_frame
from pipeline.reports.language import Language


def found(*rows: dict[str, Any], language: str = "en") -> list[Concern]:
    return find_concerns(complete_frame(pd.DataFrame(list(rows))), Language(language))


def test_what_needs_a_decision_comes_first() -> None:
    frame, _ = sample()
    causes = [concern.cause for concern in find_concerns(complete_frame(frame), Language("en"))]
    assert causes == [
        Cause.REVIEW,
        Cause.QUARANTINED,
        Cause.QUARANTINED,
        Cause.FAILED,
        Cause.LOW_ESTIMATE,
        Cause.HIGH_SEAM,
    ]


def test_images_without_concern_need_no_attention() -> None:
    assert found(row("a", "restored"), row("b", "unchanged")) == []


def test_figures_that_were_not_measured_are_not_a_cause() -> None:
    assert found(row("a", "restored", estimate_psnr=float("nan"), seam=None)) == []


def test_a_change_outside_the_mask_comes_first() -> None:
    first, *_ = found(row("a", "review"), row("b", "restored", outside_identical=False, seam=3.0))
    assert (first.path, first.cause) == ("b", Cause.OUTSIDE_CHANGED)
    assert first.details == ("The edge of the repair may be visible: the seam score is high (3.0).",)


def test_the_worst_repair_comes_first() -> None:
    rows = [row(f"{value}", "restored", estimate_psnr=value) for value in (18.0, 15.0, 19.0)]
    assert [concern.path for concern in found(*rows)] == ["15.0", "18.0", "19.0"]


def test_the_true_reason_comes_first_in_english_and_second_in_german() -> None:
    torn = row("a", "quarantined", reason="truncated", message="torn.tif is cut off")
    (english,), (german,) = found(torn), found(torn, language="de")
    assert (english.reason, english.details) == ("Torn.tif is cut off.", ())
    assert german.reason == "Die Datei ist abgeschnitten, ihr Ende fehlt."
    assert german.details == ("Torn.tif is cut off.",)


def test_images_with_one_problem_are_one_group_whatever_their_names() -> None:
    rows = [row(f"{n}.tif", "quarantined", reason="truncated", message=f"{n}.tif is cut off") for n in range(22)]
    rows += [row("a notes", "quarantined", reason="not-an-image", message="a notes is not an image")]
    rows += [
        row("b.tif", "quarantined", reason="mask-mismatch", message="mask b.mask.png is 1 × 1 pixels, the scan 9 × 9")
    ]
    rows += [row(f"r{n}.tif", "review", review_reason=f"{n + 20}% of the scan looks damaged") for n in range(3)]
    problems = group_concerns(found(*rows))
    assert [(problem.size, problem.reason) for problem in problems] == [
        (3, "… of the scan looks damaged."),
        (22, "The file is cut off; its end is missing."),
        (1, "Mask b.mask.png is 1 × 1 pixels, the scan 9 × 9."),
        (1, "a notes is not an image."),
    ], "what may be no scan at all comes last"
    assert {concern.path for concern in problems[1].concerns} == {f"{n}.tif" for n in range(22)}


def test_an_unknown_code_still_reads_well() -> None:
    (concern,) = found(row("a", "quarantined", reason="new-code-of-tomorrow"))
    assert concern.reason == "The file, or its mask, cannot be used."


def test_recorded_reasons_come_first_in_english_and_second_in_german() -> None:
    doubt = row("a", "review", review_reason="31% of the scan looks damaged")
    (english,), (german,) = found(doubt), found(doubt, language="de")
    assert (english.reason, english.details) == ("31% of the scan looks damaged.", ())
    assert german.reason.startswith("Die Erkennung war nicht sicher genug")
    assert german.details == ("31% of the scan looks damaged.",)


def test_an_unexpected_error_is_a_detail() -> None:
    (concern,) = found(row("a", "failed", reason="error", message="ValueError in inpaint: <b>\nboo"))
    assert concern.reason == "An error in the program stopped the processing of this image."
    assert concern.details == ("ValueError in inpaint: <b> boo.",)
