"""Names of uploads: safe as one part of a path, told apart, and refused where the inbox would not take them."""

from __future__ import annotations

import unicodedata

import pytest

from pipeline.inbox.names import companion_name, normalized, stem
from pipeline.inbox.upload_names import MOST_BYTES, NotTaken, safe_name, why_not_taken
from pipeline.settings import Collection
from pipeline.settings.collections import Watch

COLLECTION = Collection(
    name="c", inbox="/in", output="/out", masks="/in/painted", ignore=("proofs", "*.gif"), watch=Watch(marker="go.png")
)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("plate 1.tif", "plate 1.tif"),
        ("../../etc/passwd.tif", "_..%2F..%2Fetc%2Fpasswd.tif"),
        ("C:\\scans\\a.tif", "C:%5Cscans%5Ca.tif"),
        (unicodedata.normalize("NFD", "Müßiggang.tif"), "Müßiggang.tif"),
        ("first\nsecond\0.tif", "first%0Asecond%00.tif"),
        ("plate\u202egnp.exe.png", "plate%E2%80%AEgnp.exe.png"),
        ("lone\ud800.png", "lone%ED%A0%80.png"),
        ('<img src=x onerror="alert(1)">.png', '<img src=x onerror="alert(1)">.png'),
        (".hidden.png", "_.hidden.png"),
        ("..", "_.."),
        ("صورة.png", "صورة.png"),
        ("a</b>.png", "a<%2Fb>.png"),
        ("  ", ""),
        ("", ""),
    ],
)
def test_names_become_safe_without_being_lost(sent: str, kept: str) -> None:
    assert safe_name(sent) == kept
    assert safe_name(kept) == kept


@pytest.mark.parametrize("letter", ["x", "ü", "漢"])
def test_a_very_long_name_keeps_its_end_and_its_mask(letter: str) -> None:
    scan, other, mask = (safe_name(letter * 300 + tail) for tail in (".tif", "y.tif", ".mask.png"))
    assert scan != other and scan.endswith(".tif")
    assert max(len(name.encode()) for name in (scan, mask)) <= MOST_BYTES
    found = companion_name(mask)
    assert found is not None and found.scans == (normalized(stem(scan)),)
    assert len(safe_name(f"a.{letter * 400}").encode()) <= MOST_BYTES


@pytest.mark.parametrize(
    ("folder", "name", "size", "wanted"),
    [
        ("box", "a.tif", 5, None),
        ("box", "a.mask.png", 5, None),
        ("box", "a.xmp", 5, None),
        ("", "a.tif", 5, NotTaken.NAMELESS),
        ("box", "", 5, NotTaken.NAMELESS),
        ("box", "a.exe", 5, NotTaken.NO_IMAGE),
        ("box", "bagit.txt", 5, NotTaken.RESERVED),
        ("box", "go.png", 5, NotTaken.RESERVED),
        ("masks", "a.tif", 5, NotTaken.RESERVED),
        ("painted", "a.tif", 5, NotTaken.RESERVED),
        ("box", "a.gif", 5, NotTaken.LEFT_OUT),
        ("proofs", "a.tif", 5, NotTaken.LEFT_OUT),
        ("$RECYCLE.BIN", "a.tif", 5, NotTaken.LEFT_OUT),
        ("box", "a.tif", 0, NotTaken.EMPTY),
        ("box", "a.tif", 101, NotTaken.TOO_LARGE),
    ],
)
def test_what_the_inbox_would_not_take_is_not_taken(folder, name, size, wanted) -> None:
    assert why_not_taken(COLLECTION, folder, name, size, 100) is wanted
