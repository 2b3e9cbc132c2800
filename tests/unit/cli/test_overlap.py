"""No verb writes where it reads: a target that is, contains or is inside a source is refused before any work."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.cli import main
from pipeline.storage import overlap

VERBS = {
    "mask": ["mask", "SRC", "DST"],
    "mask, painted masks": ["mask", "OTHER", "DST", "--masks", "SRC"],
    "inpaint": ["inpaint", "SRC", "OTHER", "DST"],
    "inpaint, masks": ["inpaint", "OTHER", "SRC", "DST"],
    "simulate": ["simulate", "SRC", "DST"],
    "restore": ["restore", "SRC", "DST"],
    "restore, masks": ["restore", "OTHER", "DST", "--masks", "SRC"],
    "restore, originals": ["restore", "OTHER", "DST", "--originals", "SRC"],
    "evaluate": ["evaluate", "SRC", "OTHER", "--csv", "DST"],
    "train inpainter": ["train", "inpainter", "SRC", "--out", "DST"],
    "train detector": ["train", "detector", "SRC", "--out", "DST"],
    "train digits": ["train", "digits", "--data", "SRC", "--out", "DST"],
}


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("where", ["equal", "inside", "above", "link", "file"])
@pytest.mark.parametrize("verb", VERBS)
def test_a_target_that_overlaps_a_source_is_refused(
    verb: str, where: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "root"
    source, other = root / "scans", tmp_path / "other"
    for folder in (source, other):
        folder.mkdir(parents=True)
        cv2.imwrite(str(folder / "a.png"), np.full((64, 64, 3), 120, np.uint8))
    (tmp_path / "link").symlink_to(source)
    target = {
        "equal": source,
        "inside": source / "new",
        "above": root,
        "link": tmp_path / "link",
        "file": source / "a.png",
    }[where]
    before = contents(tmp_path)
    words = {"SRC": str(source), "OTHER": str(other), "DST": str(target)}
    assert main([words.get(word, word) for word in VERBS[verb]]) == 2
    assert "never overwritten" in capsys.readouterr().err
    assert contents(tmp_path) == before


LINKED = {
    "mask": ["mask", "SRC", "DST"],
    "inpaint": ["inpaint", "SRC", "OTHER", "DST", "--engine", "telea"],
    "simulate": ["simulate", "SRC", "DST"],
    "restore": ["restore", "SRC", "DST"],
}


@pytest.mark.parametrize("verb", LINKED)
def test_a_link_in_the_target_that_leads_to_the_scans_is_refused(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, other, target = (tmp_path / name for name in ("scans", "other", "target"))
    for folder in (source, other):
        (folder / "box").mkdir(parents=True)
        cv2.imwrite(str(folder / "box" / "a.png"), np.full((64, 64, 3), 120, np.uint8))
    target.mkdir()
    for name in ("box", "damaged", "restored"):
        (target / name).symlink_to(source / "box" if name == "box" else source)
    before = contents(tmp_path)
    words = {"SRC": str(source), "OTHER": str(other), "DST": str(target)}
    assert main([words.get(word, word) for word in LINKED[verb]]) == 2
    assert "never overwritten" in capsys.readouterr().err
    assert contents(tmp_path) == before


@pytest.mark.parametrize("ledger", ["", "empty.png"])
def test_a_ledger_among_the_scans_is_refused(ledger: str, tmp_path: Path) -> None:
    source = tmp_path / "scans"
    source.mkdir()
    (source / "empty.png").touch()
    before = contents(tmp_path)
    assert main(["restore", str(source), str(tmp_path / "new"), "--ledger", str(source / ledger)]) == 2
    assert contents(tmp_path) == before


def test_a_single_scan_beside_its_target_is_refused(tmp_path: Path) -> None:
    scan = tmp_path / "a.png"
    cv2.imwrite(str(scan), np.full((64, 64, 3), 120, np.uint8))
    before = contents(tmp_path)
    assert main(["mask", str(scan), str(tmp_path)]) == 2
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("s3://a/scans", "s3://a/scans/", True),
        ("s3://a/scans/new", "s3://a/scans", True),
        ("s3://a", "s3://a/scans", True),
        ("s3://a/scans-new", "s3://a/scans", False),
        ("s3://a/scans", "/scans", False),
        ("s3://a/scans", "S3://a/scans", True),
        ("s3://a/scans", "s3a://a/scans/new", True),
        ("s3://a/scans", "s3://a//scans", True),
        ("s3://a/scans", "s3://b/scans", False),
        ("/data/scans", "file:///data/scans", True),
        ("/data/scans-new", "/data/scans", False),
        ("/data/scans", "FILE://localhost/data/%73cans/", True),
        ("/data/scans", "/data/new/../scans", True),
    ],
)
def test_uris_overlap_by_whole_names(one: str, other: str, same: bool) -> None:
    assert overlap(one, other) is same
    assert overlap(other, one) is same


def test_a_home_folder_and_a_folder_named_like_it_are_both_recognised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert overlap("~/scans", str(tmp_path / "home" / "scans"))
    assert overlap("~/scans", str(tmp_path / "~" / "scans"))
    assert not overlap("~nobody-of-this-name/scans", str(tmp_path / "scans"))


def test_links_that_lead_nowhere_are_compared_by_name(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("scans")
    assert overlap(str(tmp_path / "dangling" / "new"), str(tmp_path / "scans"))
    assert not overlap(str(tmp_path / "loop"), str(tmp_path / "scans"))


@pytest.mark.parametrize("verb", ["mask", "inpaint", "restore"])
def test_a_uri_of_another_host_ends_with_2(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [verb, "file://elsewhere/scans", *([str(tmp_path)] if verb == "inpaint" else []), str(tmp_path / "new")]
    assert main(arguments) == 2
    assert "with a host cannot be opened" in capsys.readouterr().err
