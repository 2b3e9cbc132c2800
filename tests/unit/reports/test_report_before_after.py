"""Which images are shown before and after, and with which figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image
from report_sample import row

from pipeline.reports import Preview, before_after
from pipeline.reports.attention import find_concerns
from pipeline.reports.before_after import Comparisons, collect_comparisons, facts
from pipeline.reports.frames import complete_frame
from pipeline.reports.language import Language


def collect(rows: list[dict[str, Any]], folder: Path) -> Comparisons:
    frame, t = complete_frame(pd.DataFrame(rows)), Language("en")
    picture = Image.new("L", (40, 30))
    return collect_comparisons(frame, find_concerns(frame, t), lambda _: Preview(picture, picture, None), folder, t)


def test_each_image_is_shown_by_its_outcome(tmp_path: Path) -> None:
    outcomes = ["restored", "unchanged", "review", "quarantined", "failed"]
    found = collect([row(outcome, outcome) for outcome in outcomes], tmp_path)
    assert [image.path for image in found.images] == ["failed", "restored", "review"]
    assert [image.path for image in found.thumbnails] == ["unchanged"]
    assert all(path.read_bytes()[:2] == b"\xff\xd8" for path in found.files.values())
    assert len(found.files) == 3 * 2 + 1


def test_a_part_that_does_not_exist_says_so(tmp_path: Path) -> None:
    (image,) = collect([row("a", "review")], tmp_path).images
    assert [(panel.caption, bool(panel.url)) for panel in image.panels] == [
        ("Before", True),
        ("Damage", True),
        ("left unchanged", False),
    ]


def test_in_a_large_batch_attention_comes_first_then_the_most_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(before_after, "MAX_COMPARISONS", 3)
    rows = [row(f"{n}", "restored", coverage=n / 100) for n in range(1, 7)]
    rows += [row("9", "review", coverage=0.0001), row("torn", "quarantined")]
    found = collect(rows, tmp_path)
    assert [image.path for image in found.images] == ["5", "6", "9"]
    assert found.left_out == 4


def test_facts_leave_out_what_was_not_measured() -> None:
    frame = complete_frame(pd.DataFrame([row("a", "restored"), row("b", "unchanged", coverage=0.0, bit_depth=None)]))
    a, b = (dict(facts(frame.iloc[place], Language("en"))) for place in (0, 1))
    assert a["Estimate"] == "29.4\u00a0dB (27.0–31.8)"
    assert a["Outside the mask"] == "identical to the master"
    assert not [label for label in a if label.startswith(("Measured", "Telea"))]
    assert b == {"Damage": "0.00% of the image", "File": "TIFF · 4,096 × 3,072"}
