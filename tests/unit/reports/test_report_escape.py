"""Names from strangers, as people may see them."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from pipeline.reports.escape import one_line, visible


def test_what_cannot_be_seen_is_spelled_out() -> None:
    assert visible("a\nb\tc\x00") == "a\\nb\\tc\\x00"
    assert visible("plate\u202egnp.exe") == "plate\\u202egnp.exe"
    assert visible("bad \udcff byte") == "bad \\udcff byte"


def test_writing_of_any_direction_stays() -> None:
    assert visible("صورة קדם 写真 Größe") == "صورة קדם 写真 Größe"


def test_long_names_keep_both_ends() -> None:
    shown = visible("a" * 400 + "0042.tif", 60)
    assert len(shown) == 60
    assert shown.startswith("aaa") and shown.endswith("a0042.tif") and "…" in shown


@given(st.text(st.characters(codec=None)), st.integers(10, 80))
def test_shown_text_is_one_printable_line(text: str, limit: int) -> None:
    for shown in (visible(text, limit), one_line(text, limit)):
        assert len(shown) <= limit
        assert not any(unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} for c in shown)
        shown.encode("utf-8")
