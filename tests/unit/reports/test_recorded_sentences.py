"""Recorded English sentences in the language of a report: complete, with their figures."""

from __future__ import annotations

import pandas as pd
import pytest
from report_sample import row

from pipeline.errors import Reason
from pipeline.escape import quoted
from pipeline.inbox.listing import ORPHANED
from pipeline.inbox.pairing import NO_SCAN
from pipeline.reports.attention import find_concerns
from pipeline.reports.frames import complete_frame
from pipeline.reports.language import Language
from pipeline.reports.recorded_sentences import translate
from pipeline.scans.gaps import describe
from pipeline.scans.rejections import SENTENCES, rejection
from pipeline.scans.tones import FULL, Tones


@pytest.mark.parametrize("reason", SENTENCES)
@pytest.mark.parametrize("detail", ["", "12 × 0"])
def test_what_decoders_say_is_said_in_german(reason: Reason, detail: str) -> None:
    recorded = rejection(reason, "box/plate 17.tif", detail).message
    said = translate(recorded, "de")
    assert said != recorded and said.startswith("box/plate 17.tif ")
    assert "{" not in said
    assert detail in said or detail not in recorded
    assert translate(recorded, "en") == recorded


@pytest.mark.parametrize(
    ("recorded", "said"),
    [
        (
            "31.5% of the scan looks damaged, more than the 15% that may be filled without review",
            "31,5\u00a0% des Scans sehen beschädigt aus, mehr als die 15\u00a0%, die ohne Prüfung gefüllt werden "
            "dürfen",
        ),
        (
            "mask a.mask.png is 5 × 4 pixels, the scan is 40 × 30; save the mask at the scan's size",
            "die Maske a.mask.png hat 5 × 4 Bildpunkte, der Scan 40 × 30; bitte die Maske in der Größe des Scans "
            "speichern",
        ),
        (
            "mask a.png: turned back as the scan is; dark red was taken as damage; 3 doubtful places were left as they"
            " are",
            "Maske a.png: zurückgedreht, wie der Scan liegt; dunkelrot gilt als Schaden; 3 zweifelhafte Stellen"
            " blieben, wie sie sind",
        ),
        (
            "something new; 1 doubtful place was left as it is",
            "something new; 1 zweifelhafte Stelle blieb, wie sie ist",
        ),
        (
            "a.png is cut off (it is text); part of the image is missing. Copy or scan it again.",
            "a.png ist abgeschnitten (es ist Text); ein Teil des Bildes fehlt. Bitte erneut kopieren oder scannen.",
        ),
    ],
)
def test_figures_names_and_several_sentences_are_kept(recorded: str, said: str) -> None:
    assert translate(recorded, "de") == said


def test_notes_on_tones_are_said_in_german() -> None:
    for white in (2151, FULL):
        recorded = Tones(white).note
        said = translate(recorded, "de")
        assert said.startswith("seine Töne sind") and ("3,3\u00a0%" in said) == ("3.3%" in recorded)


def test_several_files_that_changed_are_said_one_by_one() -> None:
    recorded = (
        'the access copy of "a; b.png" is missing; the content credentials of "c.png" cannot be read;'
        ' the mask of suggestions of "d \\"e\\".png" differs from its recorded checksum'
    )
    assert translate(recorded, "de") == (
        'die Zugriffskopie von "a; b.png" fehlt; der Herkunftsnachweis (C2PA) von "c.png" ist nicht lesbar;'
        ' die Maske der Hinweise von "d \\"e\\".png" weicht von der verzeichneten Prüfsumme ab'
    )


def test_what_is_wrong_with_content_credentials_is_said_in_german() -> None:
    install = "pip install 'archive-restoration[c2pa]'"
    recorded = f"no content credentials: c2pa-python is not installed: {install}"
    assert translate(recorded, "de") == f"kein Herkunftsnachweis (C2PA): c2pa-python ist nicht installiert: {install}"
    kept = translate("the master's own content credentials are kept in sidecars/a.master.c2pa", "de")
    assert kept.endswith("in sidecars/a.master.c2pa") and "master's" not in kept


@pytest.mark.parametrize(
    "recorded", [describe(4096, 12288), ORPHANED, NO_SCAN, f"{quoted('a.png')} is there too and was not used"]
)
def test_what_other_packages_record_is_said_in_german(recorded: str) -> None:
    said = translate(recorded, "de")
    assert not {"the", "is", "and"} & set(said.split()), said
    assert "12,288" not in said


def test_a_german_report_gives_the_whole_reason_in_german() -> None:
    mismatch = "mask a.mask.png is 5 × 4 pixels, the scan is 40 × 30; save the mask at the scan's size"
    coverage = "31.5% of the scan looks damaged, more than the 15% that may be filled without review"
    rows = [
        row("a.png", "quarantined", reason="mask-mismatch", message=mismatch),
        row("b.png", "review", review_reason=coverage),
    ]
    review, mask = find_concerns(complete_frame(pd.DataFrame(rows)), Language("de"))
    assert review.reason.startswith("31,5") and not review.details
    assert "Größe" in mask.reason and "5 × 4" in mask.reason and "save" not in mask.reason and not mask.details
