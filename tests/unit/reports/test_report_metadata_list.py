"""The report names what did not reach the derivatives, once per item, with its reason in the report's language."""

from __future__ import annotations

import json

import pandas as pd
from report_sample import batch_summary, row

from pipeline.provenance.metadata_reasons import WHY
from pipeline.reports.before_after import Comparisons
from pipeline.reports.document import report_html
from pipeline.reports.frames import complete_frame
from pipeline.reports.language import Language
from pipeline.reports.metadata_list import collect_metadata, summarise_row
from pipeline.reports.statistics import batch_statistics
from pipeline.scans.carried import Carried, Change, Loss
from pipeline.scans.metadata_item import Why
from pipeline.stages.metadata_list import MOST, in_full, in_short

THUMBNAIL = Loss("EXIF thumbnail", "", "thumbnail")
CARRIED = Carried(("ICC profile", "resolution"), (Change("text <b>", "x", "x", "TIFF ImageDescription"),), (THUMBNAIL,))


def frame_of(*lists: Carried | None) -> pd.DataFrame:
    rows = [
        row(f"{number}.tif", "restored", metadata=in_short(carried) if carried else "")
        for number, carried in enumerate(lists)
    ]
    return complete_frame(pd.DataFrame(rows))


def test_items_are_counted_over_images_most_frequent_first() -> None:
    single = Carried((), (), (Loss("Photoshop layers", "4 bytes", "layers"),))
    found = collect_metadata(frame_of(*[CARRIED] * 5, single, None), Language("en"))
    assert (found.kept, found.total, found.left_out) == (10, 21, 0)
    assert [(entry.what, entry.count, entry.paths) for entry in found.lost] == [
        ("EXIF thumbnail", 5, ["0.tif", "1.tif", "2.tif"]),
        ("Photoshop layers", 1, ["5.tif"]),
    ]
    assert found.changed[0].why == "now called TIFF ImageDescription"


def test_every_reason_has_words_in_both_languages_and_in_the_sidecar() -> None:
    assert set(WHY) == {str(why) for why in Why}
    for code in ("en", "de"):
        for why in Why:
            assert Language(code).has(f"metadata.why.{why}")
    assert in_full(CARRIED)["lost"] == [
        {"what": "EXIF thumbnail", "value": "", "why": "thumbnail", "reason": WHY["thumbnail"]}
    ]


def test_long_lists_are_cut_in_the_row_and_counted() -> None:
    long = Carried((), (), tuple(Loss(f"tag {number}", "", "format") for number in range(MOST + 7)))
    assert len(json.loads(in_short(long))["lost"]) == MOST
    found = collect_metadata(frame_of(long), Language("en"))
    assert (found.total, found.left_out, len(found.lost)) == (MOST + 7, 7, MOST)


def test_a_change_without_a_short_value_is_called_one() -> None:
    changes = (Change("resolution", "300 dpi", "299 dpi"), Change("XMP xmpMM:History", "", ""))
    found = collect_metadata(frame_of(Carried((), changes, ())), Language("en"))
    assert {entry.what: entry.why for entry in found.changed} == {
        "resolution": "was 300 dpi, is 299 dpi",
        "XMP xmpMM:History": "has another value",
    }


def test_the_report_has_the_list_and_escapes_names() -> None:
    for code, heading in (("en", "Not in the derivative"), ("de", "Nicht im Derivat")):
        t, frame = Language(code), frame_of(CARRIED, None)
        metadata = collect_metadata(frame, t)
        html = report_html(
            frame, batch_summary(language=code), batch_statistics(frame), [], Comparisons(), metadata, {}, t
        )
        assert heading in html and "EXIF thumbnail" in html
        assert "text &lt;b&gt;" in html and "text <b>" not in html
    assert summarise_row(in_short(CARRIED), Language("de")) == "2 übernommen, 1 verändert, 1 nicht übernommen"
    assert summarise_row("", Language("de")) == ""


def test_without_losses_there_is_no_list() -> None:
    t, frame = Language("en"), frame_of(Carried(("ICC profile",), (), ()))
    metadata = collect_metadata(frame, t)
    html = report_html(frame, batch_summary(), batch_statistics(frame), [], Comparisons(), metadata, {}, t)
    assert 'id="metadata"' not in html
