"""Text from outside is shown on one line, and nothing in it acts on a terminal, a page or a log."""

from __future__ import annotations

import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from pipeline.escape import error_line, escape, one_line, quoted, visible


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


def test_unprintable_characters_are_escaped_and_all_others_stay() -> None:
    assert escape("line\nbreak\t\udce9.png") == "line\\nbreak\\t\\udce9.png"
    assert escape("Käthe <b> 日本.png") == "Käthe <b> 日本.png"
    assert escape("wide\u2003space") == "wide\\u2003space" and visible("wide\u2003space") == "wide\u2003space"


def test_an_error_is_one_line_and_never_empty() -> None:
    assert error_line(ValueError("first\n  second\x1b[2J")) == "first second\\x1b[2J"
    assert error_line(ValueError("x" * 40), 8) == "x" * 8
    assert error_line(ValueError()) == "ValueError"


@given(st.text(st.characters(codec=None)))
def test_quoted_text_is_printable_and_can_be_read_back(text: str) -> None:
    shown = quoted(text)
    assert shown.isprintable() and shown.startswith('"') and shown.endswith('"')
    if text.isprintable():
        assert json.loads(shown) == text
